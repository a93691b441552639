/** Where attacks on decisions begin: a misclassified point, and the way from it to the boundary. */
import { distance, rowOf } from '../../../core/api/attack.ts'
import type { QuerySearch } from '../../../core/api/attack.ts'
import { ask } from './decision-search.ts'
import type { DecisionExample } from './decision-search.ts'

/** Images of noise that are tried before other examples are: many models take all noise for one class. */
const noiseDraws = 25
/** Other examples that are looked at; the nearest of them are asked about first. */
const candidates = 100

/**
 * A misclassified point: uniform noise, or else the nearest of up to 100 examples of the data set that carry another label. If
 * none of these is misclassified either it goes on with noise, so it ends with a point or with the budget.
 */
export function* findStart(example: DecisionExample): QuerySearch<Float32Array> {
  const { low, high, origin, stream } = example
  const noise = new Float32Array(origin.length)
  for (let draw = 0; ; draw++) {
    if (draw === noiseDraws) {
      const other = yield* findOther(example)
      if (other) return other
    }
    for (let i = 0; i < noise.length; i++) noise[i] = low + (high - low) * stream.uniform()
    if (yield* ask(example, noise)) return noise
  }
}

function* findOther(example: DecisionExample): QuerySearch<Float32Array | undefined> {
  const { reference, stream, label, norm, origin } = example
  const chosen = stream.permutation(reference.count).subarray(0, candidates)
  const { inputs, labels } = reference.select(chosen)
  const others = Array.from(labels.keys())
    .filter((place) => labels[place] !== label)
    .map((place) => rowOf(inputs, place))
    .map((point) => ({ point, away: distance(norm, origin, point) }))
    .sort((a, b) => a.away - b.away)
  for (const { point } of others) if (yield* ask(example, point)) return point
  return undefined
}

/**
 * Bisects between the example and a misclassified point: along the line between them, in Linf by clipping the point to smaller
 * and smaller boxes around the example. Returns the last misclassified point.
 * @param tolerance ends the bisection, as a fraction of the distance at its start
 */
export function* approachBoundary(
  example: DecisionExample,
  start: Float32Array,
  tolerance: number,
): QuerySearch<Float32Array> {
  const nearest = start.slice()
  const middle = start.slice()
  const reach = distance(example.norm, example.origin, start)
  let inside = 0
  let outside = 1
  while (outside - inside > tolerance) {
    const fraction = (inside + outside) / 2
    between(example, start, { fraction, reach }, middle)
    if (yield* ask(example, middle)) {
      outside = fraction
      nearest.set(middle)
    } else {
      inside = fraction
    }
  }
  return nearest
}

/** The point at a fraction of the way from the example, 0, to the start, 1. */
function between(
  { norm, origin }: DecisionExample,
  start: Float32Array,
  { fraction, reach }: { readonly fraction: number; readonly reach: number },
  output: Float32Array,
): void {
  const limit = fraction * reach
  for (let i = 0; i < output.length; i++) {
    const change = start[i]! - origin[i]!
    const kept = norm === 'Linf' ? Math.min(Math.max(change, -limit), limit) : fraction * change
    output[i] = origin[i]! + kept
  }
}
