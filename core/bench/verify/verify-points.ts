/** Verifies one file of adversarial examples against the outcomes of its attack. */
import { gatherRows, sizeOf } from '../../engine/tensor/tensor.ts'
import type { Dataset } from '../../data/dataset.ts'
import { readOnnxFile } from '../../engine/onnx/external-data.ts'
import { loadModel } from '../../model/load.ts'
import type { Model } from '../../model/model.ts'
import { withDraws } from '../../model/noise.ts'
import { evidenceRows } from '../../threat/transforms/evidence-arrays.ts'
import { isAdversarial } from '../../threat/transforms/table.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { ExaminedModel } from '../plan/model-row.ts'
import type { CompletedAttack } from '../result/result.ts'
import { hashFile, readPoints } from '../store/adversarials.ts'
import type { AdversarialFile } from '../store/adversarials.ts'
import { isWithinRounding, judgePoints } from './judge-points.ts'
import type { PointJudgment } from './judge-points.ts'
import { enginePredictor, openPlainModel } from './plain-model.ts'
import type { Predictor } from './plain-model.ts'

/** A file, and what its points are held against. */
export interface FileToVerify {
  readonly path: string
  readonly listed: AdversarialFile
  readonly attack: CompletedAttack
  readonly threatModel: ThreatModel
  readonly model: ExaminedModel
  readonly dataset: Dataset
  readonly batchSize: number
}

/** What was found in a file. */
export interface FileVerification {
  readonly points: number
  /** Points whose prediction differs on the other path, with a margin that rounding explains. */
  readonly rounding: number
  readonly differences: readonly string[]
}

/** Differences that are listed for one file; the others are counted. */
const listedDifferences = 20

/**
 * Verifies a file: its hash, that each point belongs to its example and is within the threat model,
 * and that exactly the broken examples fool the model.
 * @throws ConfigError ROBENCH_DATA if the file cannot be read
 */
export async function verifyFile(work: FileToVerify): Promise<FileVerification> {
  const { path, listed, attack, dataset, threatModel } = work
  const differences: string[] = []
  const hash = await hashFile(path)
  if (hash !== listed.sha256) differences.push(`${listed.file} has sha256 ${hash}, not as listed`)
  const stored = await readPoints(path)
  const { outcomes } = attack
  if (stored.indices.length !== outcomes.length) {
    const [own, expected] = [stored.indices.length, outcomes.length]
    differences.push(`${listed.file}: ${own} points for ${expected} outcomes`)
    return { points: 0, rounding: 0, differences }
  }
  // Without an attack there is nothing to judge.
  const rows = [...stored.indices.keys()].filter(
    (row) => outcomes[stored.indices[row]!] !== 'w' || !isAdversarial(threatModel),
  )
  const indices = rows.map((row) => stored.indices[row]!)
  const wrongLabel = rows.find((row) => stored.labels[row] !== dataset.labels[stored.indices[row]!])
  if (wrongLabel !== undefined) {
    differences.push(`${listed.file}: the label of example ${stored.indices[wrongLabel]} differs`)
  }
  const judged = await withPredictor(work, (predictor, batchSize) =>
    judgePoints({
      points: gatherRows(stored.points, Int32Array.from(rows)),
      centers: dataset.rows(indices),
      labels: Int32Array.from(indices, (index) => dataset.labels[index]!),
      threatModel,
      ...(stored.transform && { transform: evidenceRows(stored.transform, rows) }),
      reference: {
        count: dataset.count,
        select: (chosen) => ({
          inputs: dataset.rows(chosen),
          labels: Int32Array.from(chosen, (row) => dataset.labels[row]!),
        }),
      },
      predictor,
      batchSize,
    }),
  )
  let rounding = 0
  judged.forEach((judgment, at) => {
    const found = differenceOf(judgment, outcomes, indices[at]!, work)
    if (found === 'rounding') rounding += 1
    else if (found !== undefined) differences.push(`${listed.file}: ${found}`)
  })
  const hidden = differences.length - listedDifferences
  const shown = differences.slice(0, listedDifferences)
  if (hidden > 0) shown.push(`${listed.file}: ${hidden} more differences`)
  return { points: rows.length, rounding, differences: shown }
}

/** Compares a judgment with the outcome of the example. */
function differenceOf(
  judgment: PointJudgment,
  outcomes: string,
  example: number,
  { attack, model, dataset }: FileToVerify,
): string | undefined {
  if (judgment.outside !== undefined) return `the point of example ${example} ${judgment.outside}`
  // One prediction says little about a majority of draws.
  if (model.stochastic) return undefined
  const corrupted = attack.corrupted?.correct[example]
  const isBroken = corrupted === undefined ? outcomes[example] === 'b' : corrupted === '0'
  const isFooled = judgment.prediction !== dataset.labels[example]
  if (isFooled === isBroken) return undefined
  if (isWithinRounding(judgment)) return 'rounding'
  const stated = isBroken ? 'broken' : 'robust'
  const margin = judgment.margin.toPrecision(3)
  return (
    `example ${example} is ${stated} in the result, but its point ` +
    `${isFooled ? 'fools' : 'does not fool'} the model (margin ${margin})`
  )
}

/**
 * Opens a model by the path of `verify`: the file as it is in onnxruntime, or else robench's engine.
 * @param use receives the predictor and the batch size that fits the images
 */
export async function withPredictor<T>(
  { model, dataset, batchSize }: Pick<FileToVerify, 'model' | 'dataset' | 'batchSize'>,
  use: (predictor: Predictor, batchSize: number) => Promise<T>,
): Promise<T> {
  const { reference, path, stochastic } = model
  const classes = dataset.classNames.length
  const plain = stochastic ? undefined : await openPlainModel(path, reference.manifest, classes)
  if (plain) {
    try {
      return await use(plain, fittingBatch(batchSize, dataset))
    } finally {
      await plain.close()
    }
  }
  const loaded: Model & { dispose(): Promise<void> } = await loadModel(
    await readOnnxFile(path),
    reference.manifest,
    { name: reference.label, inputShape: dataset.shape, classes },
  )
  try {
    return await use(enginePredictor(withDraws(loaded, 'check')), batchSize)
  } finally {
    await loaded.dispose()
  }
}

/** Smaller batches for large images: without optimizations, activations stay in memory. */
function fittingBatch(batchSize: number, { shape }: Dataset): number {
  return Math.max(1, Math.min(batchSize, Math.floor(2e6 / sizeOf(shape))))
}
