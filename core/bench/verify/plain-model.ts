/** A model file in onnxruntime as it is: a second way to predict, without robench's graph. */
import { ort } from '../../engine/graph/onnxruntime.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import type { Model } from '../../model/model.ts'

/** Predicts points. */
export interface Predictor {
  /** How it predicts, for reports. */
  readonly path: string
  /** @returns logits `[n, k]` of points `[n, c, h, w]` */
  logits(points: FloatTensor): Promise<FloatTensor>
  close(): Promise<void>
}

/**
 * Opens a file in onnxruntime without optimizations. Normalization and layout are computed here, in
 * float32 loops, and not by robench's graph.
 * @param classes of the data: decides which of several outputs holds the logits
 * @returns undefined for a file whose input or output robench changes in other ways, such as an
 * inner tensor as output or an input that is not float32
 */
export async function openPlainModel(
  path: string,
  manifest: ModelManifest,
  classes: number,
): Promise<Predictor | undefined> {
  const session = await createSession(path)
  if (!session) return undefined
  const close = (): Promise<void> => session.release()
  const [input, ...others] = session.inputMetadata
  const output = outputOf(session, manifest, classes)
  if (!input?.isTensor || input.type !== 'float32' || others.length > 0 || output === undefined) {
    await close()
    return undefined
  }
  const rank = input.shape.length
  const [first] = input.shape
  const fixedBatch = typeof first === 'number' && first > 0 ? first : undefined
  if ((rank !== 2 && rank !== 4) || (fixedBatch !== undefined && fixedBatch !== 1)) {
    await close()
    return undefined
  }
  const run = async (points: FloatTensor): Promise<FloatTensor> => {
    const prepared = prepare(points, manifest)
    const shape = rank === 2 ? [points.shape[0]!, sizeOf(points.shape.slice(1))] : prepared.shape
    const feeds = { [input.name]: new ort.Tensor('float32', prepared.data, [...shape]) }
    const { data, dims } = (await session.run(feeds))[output]!
    const count = points.shape[0]!
    // The metadata of the output says float32.
    const values = data as Float32Array
    return { dtype: 'float32', shape: [count, sizeOf(dims) / count], data: values }
  }
  return {
    path: 'onnxruntime, file as it is',
    logits: (points) => (fixedBatch === undefined ? run(points) : oneByOne(points, run)),
    close,
  }
}

/** Predicts with a loaded model: the path of attacks, for files that `openPlainModel` refuses. */
export function enginePredictor(model: Pick<Model, 'logits'>): Predictor {
  return {
    path: "robench's engine",
    logits: (points) => model.logits(points),
    // The caller owns the model.
    close: async () => {},
  }
}

async function createSession(path: string): Promise<ort.InferenceSession | undefined> {
  try {
    return await ort.InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
    })
  } catch {
    return undefined
  }
}

function outputOf(
  session: ort.InferenceSession,
  { output, components }: ModelManifest,
  classes: number,
): string | undefined {
  const floats = session.outputMetadata.filter((one) => one.isTensor && one.type === 'float32')
  if (output !== undefined) return floats.find(({ name }) => name === output)?.name
  if (components && floats.length === 0) return undefined
  const fitting = floats.filter((one) => one.isTensor && one.shape.at(-1) === classes)
  return (session.outputNames.length === 1 ? floats : fitting.length === 1 ? fitting : [])[0]?.name
}

/** (x − mean) / std, and NHWC if the file has that layout. */
function prepare(points: FloatTensor, { mean, std, layout }: ModelManifest): FloatTensor {
  const [count = 0, channels = 1, height = 1, width = 1] = points.shape
  const area = height * width
  const isLast = layout === 'NHWC'
  const data = new Float32Array(points.data.length)
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < channels; c++) {
      const shift = Math.fround(mean?.[mean.length === 1 ? 0 : c] ?? 0)
      const scale = Math.fround(std?.[std.length === 1 ? 0 : c] ?? 1)
      for (let p = 0; p < area; p++) {
        const x = Math.fround(points.data[(i * channels + c) * area + p]! - shift)
        const place = isLast ? (i * area + p) * channels + c : (i * channels + c) * area + p
        data[place] = x / scale
      }
    }
  }
  const shape = isLast ? [count, height, width, channels] : [count, channels, height, width]
  return { dtype: 'float32', shape, data }
}

async function oneByOne(
  points: FloatTensor,
  run: (points: FloatTensor) => Promise<FloatTensor>,
): Promise<FloatTensor> {
  const [count = 0, ...rest] = points.shape
  const size = sizeOf(rest)
  const rows: Float32Array[] = []
  for (let i = 0; i < count; i++) {
    const data = points.data.slice(i * size, (i + 1) * size)
    rows.push((await run({ dtype: 'float32', shape: [1, ...rest], data })).data)
  }
  const width = rows[0]?.length ?? 0
  const data = new Float32Array(count * width)
  rows.forEach((row, i) => data.set(row, i * width))
  return { dtype: 'float32', shape: [count, width], data }
}
