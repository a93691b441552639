/** Whether what was read from a file answers as the file does, run by onnxruntime. */
import { GraphError, type RobenchError } from '../base/errors.ts'
import { withoutRandom } from '../engine/graph/random-operators.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import type { Value } from '../engine/graph/value.ts'
import { writeOnnx, type OnnxGraph } from '../engine/onnx/file.ts'
import { randomStream } from '../base/random.ts'
import { float32, type FloatTensor } from '../engine/tensor/tensor.ts'
import type { ClassifierExpression } from './classifier.ts'
import { FileRunner } from './file-runner.ts'
import { NoiseSource } from './noise.ts'

/** What was read, and what it was read from. */
export interface Comparison extends Pick<ClassifierExpression, 'logits' | 'noise'> {
  readonly images: Value
  readonly prepared: Value
  readonly probe: FloatTensor
  /** Of the file, on the probe. */
  readonly answer: FloatTensor
  readonly graph: OnnxGraph
  readonly runner: FileRunner
}

/**
 * Compares what was read with the file as it is, on random images. A file that draws random numbers is compared with itself
 * given the same ones.
 * @throws GraphError ROBENCH_NO_GRADIENT where they differ
 */
export async function checkImportParity(
  comparison: Comparison,
  options: SessionOptions,
  name: string,
): Promise<void> {
  const { logits, noise, images, probe, runner } = comparison
  const source = new NoiseSource('', 'agreement')
  const rows = source.rows(probe.shape[0]!, [{ tensor: probe, perExample: true }])
  const drawn = noise.map((item) => ({ ...item, numbers: source.draw(item, rows) }))
  const placeholders = [images, ...noise.map(({ value }) => value)]
  const session = await Session.compile({ logits }, placeholders, options, name)
  const feeds = Object.fromEntries(drawn.map(({ value, numbers }) => [value.node.name, numbers]))
  const actual = (await session.run({ inputs: probe, ...feeds }, name))['logits']!
  await session.release()
  const expected =
    noise.length === 0 ? comparison.answer : await fedAnswer(comparison, drawn, options, name)
  let largest = 0
  let worst = 0
  expected.data.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value))
    worst = Math.max(worst, Math.abs(value - Number(actual.data[i])))
  })
  const sameShape = actual.shape.join() === expected.shape.join()
  // Another order of additions, no more: 1e-3 of the largest logit. Logits that are not finite are refused when they are used.
  if (sameShape && (worst <= 1e-3 * largest || !Number.isFinite(largest))) return
  const { fixedBatch } = runner.file
  const reading =
    fixedBatch === undefined
      ? 'read as an expression'
      : `with its batch of ${fixedBatch} made symbolic`
  const difference = sameShape
    ? `by ${worst.toPrecision(3)}`
    : `[${actual.shape.join(', ')}] in place of [${expected.shape.join(', ')}]`
  const advice = fixedBatch === undefined ? 'please report it' : 'export it with a dynamic batch'
  throw noGradient(
    `${name}: ${reading} it answers differently from the file (${difference}), so its gradient is not to be trusted; ${advice}`,
  )
}

/** The file's answer to the probe with random numbers that it is given. */
async function fedAnswer(
  { graph, prepared, probe, runner }: Comparison,
  drawn: readonly (ClassifierExpression['noise'][number] & { readonly numbers: FloatTensor })[],
  options: SessionOptions,
  name: string,
): Promise<FloatTensor> {
  const session = await Session.load(writeOnnx(withoutRandom(graph)), options, name)
  const fed = new FileRunner(session, runner.file, prepared, options, name)
  try {
    return await fed.logits(
      probe,
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

/** Images to try a model on: uniform in the bounds, always the same. */
export function probeImages(
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

/** Why a model has no gradient, and what works in spite of that. */
export function noGradient(reason: string, cause?: RobenchError): GraphError {
  return new GraphError(
    'ROBENCH_NO_GRADIENT',
    `${reason}; black-box attacks, which need no gradient, still work`,
    {
      ...(cause && { details: cause.details, cause }),
    },
  )
}
