/** One perturbation for all inputs, learned from other examples, for universal. */
import {
  checkGradient,
  createBall,
  rowOf,
  stackPoints,
  steepestStep,
} from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { crossEntropy, sizeOf, tensor } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'

/** Options of `learnUniversal`. */
export interface UniversalOptions {
  /** Number of reference examples to learn from; at most all of them. */
  readonly examples: number
  /** Number of passes over them, 1 or more. */
  readonly epochs: number
  /** Examples per step, 1 or more. */
  readonly stepExamples: number
  /** Length of a step in the attack's norm, in the units of the inputs. */
  readonly stepSize: number
  /** β: examples with a higher loss do not contribute to a step. */
  readonly lossLimit: number
}

/**
 * Learns v with ‖v‖ ≤ ε by steps of steepest ascent on the mean of min(ℓ(clip(x + v), y), β) over
 * reference examples, with ℓ the cross-entropy; each step is projected. It starts at 0 and draws no
 * random numbers: the examples are evenly spaced in the reference, and step s of S in an epoch uses
 * every S-th of them, so that the order of a data set sorted by class does not matter. v depends
 * only on the model, the reference, the threat model, and the options, and on neither the attacked
 * examples nor the batch size.
 *
 * Costs a forward and a backward pass per reference example and epoch.
 * @returns v, with as many components as an example
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 * @see Shafahi et al. 2018, algorithm 1
 */
export async function learnUniversal(
  task: AttackTask,
  options: UniversalOptions,
): Promise<Float32Array> {
  const { norm, epsilon } = task.threatModel
  const size = sizeOf(task.inputs.shape.slice(1))
  const ball = createBall({ norm, epsilon, bounds: [-epsilon, epsilon] }, new Float32Array(size))
  const perturbation = new Float32Array(size)
  const output = new Float64Array(size)
  const places = chooseExamples(task.reference.count, options.examples)
  const stepsPerEpoch = Math.ceil(places.length / options.stepExamples)
  for (let step = 0; step < options.epochs * stepsPerEpoch; step++) {
    const turn = step % stepsPerEpoch
    const chosen = places.filter((_, place) => place % stepsPerEpoch === turn)
    const gradient = await meanGradient(task, chosen, perturbation, options.lossLimit)
    checkGradient(gradient, `the universal perturbation at step ${step}`, { step })
    steepestStep(norm, {
      point: perturbation,
      gradient,
      velocity: new Float64Array(0),
      momentum: 0,
      length: options.stepSize,
      output,
    })
    ball.project(output, perturbation)
  }
  return perturbation
}

/**
 * The projection of x + v for every example, `[n, c, h, w]`; equal to x + v up to the bounds and
 * the last bit. Takes no passes.
 */
export function addUniversal(
  { inputs, threatModel, labels }: AttackTask,
  perturbation: Float32Array,
): FloatTensor {
  const size = perturbation.length
  const adversarial = new Float32Array(inputs.data.length)
  for (let row = 0; row < labels.length; row++) {
    const center = rowOf(inputs, row)
    const moved = Float64Array.from(center, (x, i) => x + perturbation[i]!)
    const point = adversarial.subarray(row * size, (row + 1) * size)
    createBall(threatModel, center).project(moved, point)
  }
  return tensor('float32', inputs.shape, adversarial)
}

/** `wanted` evenly spaced indices from 0 to count − 1, at most all of them. */
function chooseExamples(count: number, wanted: number): Int32Array {
  const length = Math.min(count, wanted)
  return Int32Array.from({ length }, (_, i) => Math.floor((i * count) / length))
}

/** Mean gradient of the limited loss at clip(x + v) with respect to v, over reference examples. */
async function meanGradient(
  { model, reference, threatModel, batchSize, signal }: AttackTask,
  places: Int32Array,
  perturbation: Float32Array,
  lossLimit: number,
): Promise<Float32Array> {
  const [low, high] = threatModel.bounds
  const sum = new Float64Array(perturbation.length)
  for (let start = 0; start < places.length; start += batchSize) {
    signal.throwIfAborted()
    const { inputs, labels } = reference.select(places.subarray(start, start + batchSize))
    const moved = Array.from(labels, (_, row) =>
      rowOf(inputs, row).map((x, i) => x + perturbation[i]!),
    )
    const points = moved.map((point) => point.map((x) => Math.min(high, Math.max(low, x))))
    const { gradient, losses } = await model.gradient(
      stackPoints(points, inputs.shape.slice(1)),
      labels,
      crossEntropy,
    )
    moved.forEach((point, row) => {
      if (losses[row]! > lossLimit) return
      const own = rowOf(gradient, row)
      // The derivative of clip is 0 where the bounds clip.
      for (let i = 0; i < sum.length; i++) if (point[i] === points[row]![i]) sum[i]! += own[i]!
    })
  }
  return Float32Array.from(sum, (value) => value / places.length)
}
