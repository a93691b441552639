/** The start of decision-based attacks: a misclassified point, and a bisection to the boundary. */
import { distance, rowOf } from '../../../core/api/attack.ts'
import type { QuerySearch } from '../../../core/api/attack.ts'
import { isMisclassified } from './decision-search.ts'
import type { DecisionExample } from './decision-search.ts'

/** Noise images tried before other examples: many models assign one class to all noise. */
const noiseDraws = 25
/** Other examples to consider; the nearest are queried first. */
const candidates = 100

/**
 * Finds a misclassified point: uniform noise, or the nearest of up to 100 examples of the data set
 * with another label. If none of these is misclassified, it continues with noise until it finds a
 * point or the budget is spent.
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
    if (yield* isMisclassified(example, noise)) return noise
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
  for (const { point } of others) if (yield* isMisclassified(example, point)) return point
  return undefined
}

/**
 * Bisects between the example and a misclassified point and returns the last misclassified point.
 * In L2 it moves along the line between them; in Linf it clips the point to boxes around the
 * example.
 * @param tolerance ends the bisection, as a fraction of the initial distance
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
    if (yield* isMisclassified(example, middle)) {
      outside = fraction
      nearest.set(middle)
    } else {
      inside = fraction
    }
  }
  return nearest
}

/** The point at a fraction of the way from the example (0) to the start (1). */
function between(
  { norm, origin }: DecisionExample,
  start: Float32Array,
  { fraction, reach }: { readonly fraction: number; readonly reach: number },
  output: Float32Array,
): void {
  const limit = fraction * reach
  for (let i = 0; i < output.length; i++) {
    const change = start[i]! - origin[i]!
    const moved = norm === 'Linf' ? Math.min(Math.max(change, -limit), limit) : fraction * change
    output[i] = origin[i]! + moved
  }
}
