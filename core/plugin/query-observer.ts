/** Observes an attack's queries, and records which examples it saw misclassified. */
import { predictedClass } from '../model/predictions.ts'
import { randomStream } from '../base/random.ts'
import { sizeOf } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import { verifyInside } from '../threat/verify.ts'

/** Records the examples for which an attack queried a misclassified point of their ball. */
export interface QueryObserver {
  /** Records a batch of points `[n, c, h, w]` and the model's logits for them `[n, k]`. */
  observe(points: FloatTensor, logits: FloatTensor): void
  /** `[n]`: 1 where a misclassified point of the example's ball was queried, else 0. */
  readonly seenBroken: Uint8Array
}

/**
 * How many components the quick test compares. In Linf each component alone can rule an example
 * out; otherwise only a sum over several can.
 */
const quickTestSizes: Readonly<Record<Norm, number>> = {
  Linf: 16,
  L2: 64,
  L1: 64,
  L0: 64,
}

/**
 * The quick test allows this many times the limit that is proportional to its number of
 * components: random components of a perturbation hardly ever sum to more.
 */
const quickTestFactor = 8

/**
 * Relative slack of the full test, which exits early. It exceeds the tolerance of `verifyInside`,
 * which decides afterwards.
 */
const fullTestSlack = 1 + 1e-5

/**
 * An observer for attacks on these examples, whose cost is small beside a forward pass.
 *
 * It finds the example that a point belongs to with a quick test of some components in a random
 * order, and verifies the whole ball only where the prediction is wrong. Since attacks query
 * examples in order, mostly the same ones again, it first tries the example that had this position
 * in the previous batch, then those that follow the example of the previous position. A point in
 * the balls of several examples counts for none of them, since the attack may have meant any.
 * With targets, a point counts only where it is predicted as the target.
 * Queries in an attack's own sessions (`compile`) and of variants of the model are not observed.
 */
export function observeQueries(
  inputs: FloatTensor,
  labels: Int32Array,
  threatModel: ThreatModel,
  targets?: Int32Array,
): QueryObserver {
  const { norm, epsilon, channels = 1 } = threatModel
  const count = labels.length
  const size = sizeOf(inputs.shape.slice(1))
  const order = randomStream('query observer').permutation(size)
  const quickTestSize = quickTestSizes[norm]
  const quickTestComponents = order.subarray(0, quickTestSize)
  const centers = Array.from(labels, (_, row) => inputs.data.subarray(row * size, (row + 1) * size))
  const seenBroken = new Uint8Array(count)
  /** The example of the last point at each position of a batch. */
  const owners: number[] = []

  /** Limit of `isWithin` for all components, and its share for those of the quick test. */
  const limit = norm === 'L2' ? epsilon ** 2 : norm === 'L0' ? epsilon * channels : epsilon
  const usual = norm === 'Linf' ? 1 : Math.min(1, (quickTestFactor * quickTestSize) / size)
  // A few changed pixels may all be among the components of the quick test; of another image, most
  // components differ.
  const share = norm === 'L0' ? Math.max(usual, quickTestSize / 2 / limit) : usual
  const mayContain = (row: number, point: Float32Array): boolean =>
    isWithin(norm, share * limit, centers[row]!, point, quickTestComponents)
  const contains = (row: number, point: Float32Array): boolean =>
    isWithin(norm, fullTestSlack * limit, centers[row]!, point, order) &&
    verifyInside(threatModel, centers[row]!, point) === undefined

  /** The example that a point seems to belong to; −1 if there is none. */
  const ownerOf = (point: Float32Array, position: number): number => {
    const previous = owners[position]
    if (previous !== undefined && mayContain(previous, point)) return previous
    const first = (owners[position - 1] ?? -1) + 1
    for (let step = 0; step < count; step++) {
      const row = (first + step) % count
      if (mayContain(row, point)) return row
    }
    return -1
  }

  return {
    seenBroken,
    observe(points, logits) {
      const classes = logits.shape[1]!
      for (let position = 0; position < points.shape[0]!; position++) {
        const point = points.data.subarray(position * size, (position + 1) * size)
        const owner = ownerOf(point, position)
        if (owner < 0) continue
        owners[position] = owner
        if (seenBroken[owner] === 1) continue
        const predicted = predictedClass(
          logits.data.subarray(position * classes, (position + 1) * classes),
        )
        const isBroken = targets ? predicted === targets[owner] : predicted !== labels[owner]
        if (!isBroken || !contains(owner, point)) continue
        const isShared = labels.some((_, other) => other !== owner && contains(other, point))
        if (!isShared) seenBroken[owner] = 1
      }
    },
  }
}

/**
 * Whether the distance in these components is within the limit: their maximum in Linf, sum in L1,
 * sum of squares in L2, number that differ in L0. Returns false at the first component that exceeds
 * it.
 */
function isWithin(
  norm: Norm,
  limit: number,
  center: Float32Array,
  point: Float32Array,
  components: Uint32Array,
): boolean {
  let sum = 0
  for (let k = 0; k < components.length; k++) {
    const i = components[k]!
    const difference = Math.abs(point[i]! - center[i]!)
    if (norm === 'Linf') sum = difference
    else if (norm === 'L0') sum += difference > 0 ? 1 : 0
    else sum += norm === 'L2' ? difference * difference : difference
    if (!(sum <= limit)) return false
  }
  return true
}
