/** Checks that an imported graph computes the same logits as its file in onnxruntime. */
import { GraphError, type RobenchError } from '../base/errors.ts'
import { significant } from '../base/figures.ts'
import { withoutRandom } from '../engine/graph/random-operators.ts'
import type { Precision } from '../engine/graph/single-precision.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import type { Value } from '../engine/graph/value.ts'
import { writeOnnx, type OnnxGraph } from '../engine/onnx/file.ts'
import { randomStream } from '../base/random.ts'
import { float32, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { ClassifierExpression } from './classifier-parts.ts'
import { FileRunner } from './file-runner.ts'
import { NoiseSource } from './noise.ts'
import { isQuantized, quantizedTolerance } from './quantized-file.ts'

/** An imported graph and the file it was imported from. */
export interface ImportedModel extends Pick<ClassifierExpression, 'logits' | 'noise'> {
  readonly images: Value
  /** The images as the file expects them. */
  readonly prepared: Value
  /** Images to compare on. */
  readonly testImages: FloatTensor
  /** The file's logits on the test images. */
  readonly fileLogits: FloatTensor
  readonly graph: OnnxGraph
  readonly runner: FileRunner
}

/** Random numbers drawn for the comparison. */
type DrawnNoise = ClassifierExpression['noise'][number] & { readonly numbers: FloatTensor }

/** The largest difference of logits, as a fraction of the largest logit: rounding only. */
const singleTolerance = 1e-3
/** The same for files that compute in half precision. */
const halfTolerance = 0.05

/**
 * Compares the imported graph with its file on random images. If the file draws random numbers,
 * both get the same ones.
 * @param precision of the file, if it does not compute in float32
 * @returns the session of the logits, for forward passes
 * @throws GraphError ROBENCH_NO_GRADIENT where they differ
 */
export async function checkImportParity(
  imported: ImportedModel,
  options: SessionOptions,
  name: string,
  precision?: Precision,
): Promise<Session> {
  const { logits, noise, images, testImages } = imported
  // The stream's name is an old one; it may never change.
  const source = new NoiseSource('', 'agreement')
  const rows = source.rows(testImages.shape[0]!, [{ tensor: testImages, perExample: true }])
  const drawn = noise.map((item) => ({ ...item, numbers: source.draw(item, rows) }))
  const placeholders = [images, ...noise.map(({ value }) => value)]
  const session = await Session.compile({ logits }, placeholders, options, name)
  let difference: string | undefined
  try {
    const feeds = Object.fromEntries(drawn.map(({ value, numbers }) => [value.node.name, numbers]))
    const actual = (await session.run({ inputs: testImages, ...feeds }, name))['logits']!
    const expected =
      noise.length === 0 ? imported.fileLogits : await runFileWith(drawn, imported, options, name)
    const exactness = precision === 'float16' ? halfTolerance : singleTolerance
    const tolerance = isQuantized(imported.graph) ? quantizedTolerance : exactness
    difference = describeDifference(actual, expected, tolerance)
  } catch (error) {
    await session.release()
    throw error
  }
  if (difference === undefined) return session
  await session.release()
  const { fixedBatch } = imported.runner.file
  const conversion =
    fixedBatch === undefined ? '' : `, with its batch of ${fixedBatch} made symbolic,`
  const advice = fixedBatch === undefined ? 'please report it' : 'export it with a dynamic batch'
  throw noGradient(
    `${name}: the imported graph${conversion} disagrees with onnxruntime (${difference}), ` +
      `so gradients are disabled; ${advice}`,
  )
}

/** Undefined if the logits agree, or are not finite: those are rejected when they are used. */
function describeDifference(
  actual: Tensor,
  expected: FloatTensor,
  tolerance: number,
): string | undefined {
  if (actual.shape.join() !== expected.shape.join()) {
    return `shape [${actual.shape.join(', ')}] instead of [${expected.shape.join(', ')}]`
  }
  let largest = 0
  let worst = 0
  expected.data.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value))
    worst = Math.max(worst, Math.abs(value - Number(actual.data[i])))
  })
  if (worst <= tolerance * largest || !Number.isFinite(largest)) return undefined
  return `by ${significant(worst)}`
}

/** The file's logits on the test images when it is fed these random numbers. */
async function runFileWith(
  drawn: readonly DrawnNoise[],
  { graph, prepared, testImages, runner }: ImportedModel,
  options: SessionOptions,
  name: string,
): Promise<FloatTensor> {
  const session = await Session.load(writeOnnx(withoutRandom(graph)), options, name)
  const fed = new FileRunner(session, runner.file, prepared, options, name)
  try {
    return await fed.logits(
      testImages,
      drawn.map(({ tensor, perExample, numbers }) => ({
        name: tensor,
        perExample,
        tensor: numbers,
      })),
    )
  } finally {
    await fed.release()
  }
}

/** The images that models are tried on: uniform in the bounds, the same each time. */
export function drawTestImages(
  [c, h, w]: readonly [number, number, number],
  [low, high]: readonly [number, number],
  count: number,
): FloatTensor {
  const random = randomStream('model probe')
  const data = Float32Array.from(
    { length: count * c * h * w },
    () => low + (high - low) * random.uniform(),
  )
  return float32([count, c, h, w], data)
}

/** The reason why a model has no gradient. */
export function noGradient(reason: string, cause?: RobenchError): GraphError {
  return new GraphError(
    'ROBENCH_NO_GRADIENT',
    `${reason}; black-box attacks, which need no gradient, still work`,
    {
      ...(cause && { details: cause.details, cause }),
    },
  )
}
