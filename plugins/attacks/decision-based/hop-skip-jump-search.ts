/** Jumps along an estimate of the boundary's normal: the algorithm of `hop-skip-jump`. */
import { distance, kernels, terms, v, vectorLoop } from '../../../core/api/attack.ts'
import type { AttackTask, QueryRequest, QuerySearch } from '../../../core/api/attack.ts'
import type { Norm } from '../../../core/api/plugin.ts'
import { decisionSearch, isMisclassified } from './decision-search.ts'
import type { DecisionExample, DecisionFindings } from './decision-search.ts'
import { approachBoundary, findStart } from './decision-start.ts'

/** Options of `hopSkipJumpSearch`. */
export interface HopSkipJumpOptions {
  /** Forward passes per example, 1 or more; all of them are used. */
  readonly queries: number
  /** B₀: samples of the first estimate, 1 or more; the estimate of iteration t takes B₀·√t. */
  readonly initialSamples: number
}

/** Most samples of one estimate, as in the authors' code. */
const mostSamples = 10_000
/** Radius of the samples of the first iteration, as a fraction of the range of the bounds. */
const firstRadius = 0.1
/** Shortest jump to try, as a fraction of the initial length. */
const shortestJump = 2 ** -15

/**
 * Searches for the nearest misclassified point of each example. From a point on the boundary it
 * estimates the boundary's normal from the predictions at random points around it, jumps along the
 * normal, halving the jump until it lands on the misclassified side, and bisects back toward the
 * example.
 *
 * Differs from the authors' code:
 * - In Linf, samples are √d times as far away, so that a component moves by about dist/d. At the
 *   distance in the code, a component moves by a few float32 units and estimates are worse.
 * - A jump that never lands is abandoned, where the code loops forever.
 * - An estimate leaves queries for a jump, as long as there are enough.
 * - The result is the nearest of all evaluated points, not the last one.
 * - Starting points come from `findStart`.
 * @see Chen et al. 2019, algorithm 2
 */
export async function hopSkipJumpSearch(
  task: AttackTask,
  options: HopSkipJumpOptions,
): Promise<DecisionFindings> {
  return decisionSearch(task, options.queries, (example) => search(example, options))
}

function* search(
  example: DecisionExample,
  { initialSamples }: HopSkipJumpOptions,
): QuerySearch<never> {
  const { norm, origin, low, high, budget } = example
  const size = origin.length
  const { tolerance, radius } = scalesOf(norm, size)
  // About the queries of a jump and the bisection after it.
  const reserve = 2 * Math.ceil(-Math.log2(tolerance))
  let landed = yield* findStart(example)
  let point = yield* approachBoundary(example, landed, tolerance)
  for (let iteration = 1; ; iteration++) {
    const wanted = Math.min(Math.floor(initialSamples * Math.sqrt(iteration)), mostSamples)
    const count = Math.max(1, Math.min(wanted, budget.left - reserve))
    const reach =
      iteration === 1 ? firstRadius * (high - low) : radius * distance(norm, origin, landed)
    const normal = yield* estimateNormal(example, point, reach, count)
    const length = distance(norm, origin, point) / Math.sqrt(iteration)
    landed = (yield* jump(example, point, { normal, length })) ?? point
    if (landed !== point) point = yield* approachBoundary(example, landed, tolerance)
  }
}

/**
 * θ, the tolerance of bisections, and δ, the radius of samples relative to the distance, for d
 * components. These are the paper's, except for the factor √d of δ in Linf.
 */
function scalesOf(norm: Norm, size: number): { tolerance: number; radius: number } {
  return norm === 'Linf'
    ? { tolerance: size ** -2, radius: 1 / Math.sqrt(size) }
    : { tolerance: size ** -1.5, radius: 1 / size }
}

/**
 * Estimates the normal as Σ (φᵢ − mean φ)·uᵢ over random directions uᵢ. φᵢ is 1 if the point in
 * that direction is misclassified and −1 otherwise; subtracting the mean reduces variance, as in
 * the paper. If all φᵢ are equal, the estimate is Σ φᵢ·uᵢ. Directions are those of the evaluated
 * points, after clipping and rounding.
 */
function* estimateNormal(
  { norm, stream, low, high, judge }: DecisionExample,
  point: Float32Array,
  radius: number,
  count: number,
): QuerySearch<Float64Array> {
  const size = point.length
  const direction = new Float64Array(size)
  const sum = new Float64Array(size)
  const signed = new Float64Array(size)
  let balance = 0
  const request: QueryRequest = {
    count,
    write(_, output) {
      if (norm === 'Linf') {
        stream.fillUniform(direction)
        for (let i = 0; i < size; i++) direction[i] = 2 * direction[i]! - 1
      } else stream.fillNormal(direction)
      const squares = kernels.squaredNorm(direction)
      const scale = squares === 0 ? 0 : radius / Math.sqrt(squares)
      placeSample.run({ point, direction, output }, { scale, low, high })
    },
    read(_, sample, logits) {
      const side = judge(sample, logits) ? 1 : -1
      balance += side
      addSample.run({ point, sample, sum, signed }, { side })
    },
  }
  yield request
  const mean = Math.abs(balance) === count ? 0 : balance / count
  for (let i = 0; i < size; i++) signed[i]! -= mean * sum[i]!
  return signed
}

/** output ← point + scale·direction, within the bounds */
const placeSample = vectorLoop({
  arrays: { point: 'float32', direction: 'float64', output: 'float32' },
  scalars: ['scale', 'low', 'high'],
  body: ({ point, direction, scale, low, high }) => ({
    writes: { output: terms.clipped(terms.along(point, scale, direction), low, high) },
  }),
})

/** Adds sample − point to `sum`, and times `side` to `signed`. */
const addSample = vectorLoop({
  arrays: { point: 'float32', sample: 'float32', sum: 'float64', signed: 'float64' },
  scalars: ['side'],
  body({ point, sample, sum, signed, side }) {
    const moved = v.sub(sample, point)
    return { writes: { sum: v.add(sum, moved), signed: terms.along(signed, side, moved) } }
  },
})

/**
 * The first misclassified point at length, length / 2, length / 4, … along the normal, or along its
 * signs in Linf; undefined if there is none.
 */
function* jump(
  example: DecisionExample,
  point: Float32Array,
  { normal, length }: { readonly normal: Float64Array; readonly length: number },
): QuerySearch<Float32Array | undefined> {
  const { norm, low, high } = example
  const steepness = distance('L2', new Float64Array(normal.length), normal)
  const scale = steepness === 0 ? 0 : 1 / steepness
  const candidate = new Float32Array(point.length)
  for (let part = 1; part >= shortestJump; part /= 2) {
    for (let i = 0; i < candidate.length; i++) {
      const along = norm === 'Linf' ? Math.sign(normal[i]!) : scale * normal[i]!
      candidate[i] = Math.min(Math.max(point[i]! + part * length * along, low), high)
    }
    if (yield* isMisclassified(example, candidate)) return candidate
  }
  return undefined
}
