/** Watches what an attack asks of a model, and remembers which examples it saw broken. */
import { predictedClass } from '../model/predictions.ts'
import { randomStream } from '../base/random.ts'
import { sizeOf } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import { verifyInside } from '../threat/verify.ts'

export interface QueryObserver {
  /** Takes down a batch of points and the logits that the model gave for them. */
  observe(points: FloatTensor, logits: FloatTensor): void
  /** `[n]`: 1 where a misclassified point of the example's ball was asked about. */
  readonly seenBroken: Uint8Array
}

/** Components by which a point is first told from those of other examples; sums need more of them. */
const glances: Readonly<Record<Norm, number>> = { Linf: 16, L2: 64, L1: 64 }
/** What the early exit forgives, more than the verification after it. */
const slack = 1 + 1e-5

/**
 * An observer of attacks on these examples, made to cost next to nothing beside a pass. Attacks put examples in their order, and mostly ask
 * about the same ones again: so the example that a place of the batch had before is looked at first, then those that follow the owner of the
 * place before. A glance at some components, in an order without pattern, tells the owner; only where the prediction is wrong is the
 * whole ball verified. A point in the balls of several examples counts for none, for the attack may have meant any.
 * What attacks compute in sessions of their own (`compile`), or with variants of the model, is not seen.
 */
export function observeQueries(
  inputs: FloatTensor,
  labels: Int32Array,
  threatModel: ThreatModel,
): QueryObserver {
  const count = labels.length
  const size = sizeOf(inputs.shape.slice(1))
  const order = randomStream('query observer').permutation(size)
  const glance = glances[threatModel.norm]
  const glanced = order.subarray(0, glance)
  const centers = Array.from(labels, (_, row) => inputs.data.subarray(row * size, (row + 1) * size))
  const seenBroken = new Uint8Array(count)
  /** The owner of the last point at each place of a batch. */
  const owners: number[] = []

  const limit = threatModel.norm === 'L2' ? threatModel.epsilon ** 2 : threatModel.epsilon
  // A few components hardly ever have more than eight times their part of a sum.
  const share = threatModel.norm === 'Linf' ? 1 : Math.min(1, (8 * glance) / size)
  const looksLike = (row: number, point: Float32Array): boolean =>
    isWithin(threatModel.norm, share * limit, centers[row]!, point, glanced)
  const holds = (row: number, point: Float32Array): boolean =>
    isWithin(threatModel.norm, slack * limit, centers[row]!, point, order) &&
    verifyInside(threatModel, centers[row]!, point) === undefined

  /** The example that a point seems to belong to; −1 if it is near none. */
  const ownerOf = (point: Float32Array, place: number): number => {
    const before = owners[place]
    if (before !== undefined && looksLike(before, point)) return before
    const first = (owners[place - 1] ?? -1) + 1
    for (let step = 0; step < count; step++) {
      const row = (first + step) % count
      if (looksLike(row, point)) return row
    }
    return -1
  }

  return {
    seenBroken,
    observe(points, logits) {
      const classes = logits.shape[1]!
      for (let place = 0; place < points.shape[0]!; place++) {
        const point = points.data.subarray(place * size, (place + 1) * size)
        const owner = ownerOf(point, place)
        if (owner < 0) continue
        owners[place] = owner
        if (seenBroken[owner] === 1) continue
        const predicted = predictedClass(
          logits.data.subarray(place * classes, (place + 1) * classes),
        )
        if (predicted === labels[owner] || !holds(owner, point)) continue
        const shared = labels.some((_, other) => other !== owner && holds(other, point))
        if (!shared) seenBroken[owner] = 1
      }
    },
  }
}

/** Whether these components are within the limit: each in Linf, their sum in L1, that of their squares in L2; false as soon as they are not. */
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
    else sum += norm === 'L2' ? difference * difference : difference
    if (!(sum <= limit)) return false
  }
  return true
}
