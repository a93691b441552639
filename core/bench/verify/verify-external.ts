/** Judges adversarial examples from anywhere: those of other libraries, too. */
import { ConfigError } from '../../base/errors.ts'
import { readBytes } from '../../base/read-file.ts'
import { hashBytes } from '../../base/hash.ts'
import { gatherRows, sizeOf, tensor } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { Dataset } from '../../data/dataset.ts'
import { describeExamples, requireModelFit } from '../../data/model-fit.ts'
import { readOnnxFile } from '../../engine/onnx/external-data.ts'
import { loadModel } from '../../model/load.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import { onShape } from '../../threat/threat-model.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { readPoints } from '../store/adversarials.ts'
import type { AdversarialPoints } from '../store/adversarials.ts'
import { parseArray } from '../store/npz-file.ts'
import { isWithinRounding, judgePoints } from './judge-points.ts'
import { enginePredictor, openPlainModel } from './plain-model.ts'

/** Points, and what to judge them by. */
export interface ExternalPoints {
  /** .npy with `[n, c, h, w]` float32, or .npz with `x_adv` and perhaps `indices`. */
  readonly points: string
  /** .npy with the positions `[n]` of the points in the data; default: the first n examples. */
  readonly indices?: string
  readonly model: string
  readonly manifest: ModelManifest
  readonly dataset: Dataset
  readonly threatModel: ThreatModel
}

/** The judgment of all points. */
export interface ExternalJudgment {
  readonly model: string
  readonly modelSha256: string
  /** How the model was run. */
  readonly path: string
  readonly points: number
  /** Outside the threat model. */
  readonly outside: number
  /** Misclassified without an attack. */
  readonly wrong: number
  /** Correct without an attack, and fooled by a point within the threat model. */
  readonly broken: number
  /** Correct without an attack, and not fooled by a permitted point. */
  readonly robust: number
  /** Of the broken and the robust ones, those whose margin is within rounding. */
  readonly rounding: number
  /** The largest distance of a point. */
  readonly largestDistance: number
  /** One text per point outside the threat model. */
  readonly violations: readonly string[]
}

/** Of the arrays of points and indices. */
const arrayLimits = { code: 'ROBENCH_DATA', mostBytes: 8 * 2 ** 30 } as const

/**
 * Judges points: each must be within the threat model around its example.
 * @throws ConfigError ROBENCH_DATA for files of the wrong form; errors of the model
 */
export async function verifyExternal(request: ExternalPoints): Promise<ExternalJudgment> {
  const { dataset, manifest, model: file } = request
  const { points, indices } = await readExternal(request)
  const bytes = await readOnnxFile(file)
  const classes = dataset.classNames.length
  const loaded = await loadModel(bytes, manifest, {
    name: file,
    inputShape: dataset.shape,
    classes,
  })
  const plain = await openPlainModel(file, manifest, classes)
  const predictor = plain ?? enginePredictor(loaded)
  try {
    requireModelFit(describeExamples(dataset), loaded, file)
    const centers = gatherRows(dataset.rows(indices), Int32Array.from(indices.keys()))
    const labels = Int32Array.from(indices, (index) => dataset.labels[index]!)
    const shared = {
      centers,
      labels,
      threatModel: onShape(request.threatModel, centers.shape),
      reference: { count: 0, select: () => ({ inputs: centers, labels }) },
      predictor,
      batchSize: 37,
    }
    const clean = await judgePoints({ ...shared, points: centers })
    const judged = await judgePoints({ ...shared, points })
    const violations: string[] = []
    const counts = { wrong: 0, broken: 0, robust: 0, rounding: 0 }
    let largestDistance = 0
    judged.forEach((one, at) => {
      const example = indices[at]!
      largestDistance = Math.max(largestDistance, one.distance)
      if (one.outside !== undefined) {
        violations.push(`point ${at} (example ${example}) ${one.outside}`)
      }
      const isFooled = one.prediction !== labels[at] && one.outside === undefined
      if (clean[at]!.prediction !== labels[at]) counts.wrong += 1
      else {
        counts[isFooled ? 'broken' : 'robust'] += 1
        if (isWithinRounding(one)) counts.rounding += 1
      }
    })
    return {
      model: file,
      modelSha256: hashBytes(bytes),
      path: predictor.path,
      points: judged.length,
      outside: violations.length,
      ...counts,
      largestDistance,
      violations,
    }
  } finally {
    await plain?.close()
    await loaded.dispose()
  }
}

async function readExternal({
  points: file,
  indices: indexFile,
  dataset,
}: ExternalPoints): Promise<{ readonly points: FloatTensor; readonly indices: Int32Array }> {
  const read: Pick<AdversarialPoints, 'points' | 'indices'> = file.endsWith('.npz')
    ? await readPoints(file)
    : await readArray(file)
  const { points } = read
  const count = points.shape[0]!
  const indices = indexFile === undefined ? read.indices : await readIndices(indexFile)
  const shape = points.shape.slice(1)
  if (shape.join() !== dataset.shape.join()) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${file}: expected points [n, ${dataset.shape.join(', ')}], got [n, ${shape.join(', ')}]`,
    )
  }
  const beyond = indices.find((index) => !(index >= 0 && index < dataset.count))
  if (indices.length !== count || beyond !== undefined) {
    throw new ConfigError(
      'ROBENCH_DATA',
      beyond === undefined
        ? `${indexFile ?? file}: ${indices.length} indices for ${count} points`
        : `${indexFile ?? file}: example ${beyond} does not exist; ` +
            `the data has ${dataset.count} (0 to ${dataset.count - 1})`,
    )
  }
  return { points, indices }
}

async function readArray(file: string): Promise<Pick<AdversarialPoints, 'points' | 'indices'>> {
  const { data, shape, dtype } = parseArray(await readBytes(file, arrayLimits), file)
  if (!(data instanceof Float32Array) || data.length !== sizeOf(shape) || shape.length < 2) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${file}: expected float32 points [n, c, h, w], got ${dtype} [${shape.join(', ')}]; ` +
        "save x_adv.astype('float32')",
    )
  }
  const indices = Int32Array.from({ length: shape[0]! }, (_, i) => i)
  return { points: tensor('float32', [...shape], data), indices }
}

async function readIndices(file: string): Promise<Int32Array> {
  const { data, shape, dtype } = parseArray(await readBytes(file, arrayLimits), file)
  if (!/^[iu]/.test(dtype) || shape.length !== 1) {
    throw new ConfigError('ROBENCH_DATA', `${file}: expected integers [n], got ${dtype}`)
  }
  return Int32Array.from({ length: data.length }, (_, i) => Number(data[i]))
}
