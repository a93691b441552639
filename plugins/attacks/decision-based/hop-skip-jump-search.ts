/** HopSkipJump: the boundary's normal from decisions alone, and jumps along it. */
import { distance } from '../../../core/api/attack.ts'
import type { AttackTask, QueryRequest, QuerySearch } from '../../../core/api/attack.ts'
import type { Norm } from '../../../core/api/plugin.ts'
import { ask, decisionSearch } from './decision-search.ts'
import type { DecisionExample, DecisionFindings } from './decision-search.ts'
import { approachBoundary, findStart } from './decision-start.ts'

export interface HopSkipJumpOptions {
  /** Forward passes of each example, 1 or more: exactly so many are made. */
  readonly queries: number
  /** B₀: samples of the first estimate, 1 or more; the estimate of iteration t takes B₀·√t. */
  readonly initialSamples: number
}

/** No estimate takes more samples than this, as in the authors' code. */
const mostSamples = 10_000
/** Radius of the samples of the first iteration, as a fraction of the bounds' range. */
const firstRadius = 0.1
/** Jumps shorter than this fraction of the distance are given up. */
const shortestJump = 2 ** -15

/**
 * Looks for the nearest misclassified point of every example. From a point on the boundary it estimates the boundary's normal by
 * asking on which side random points around it lie, jumps along the normal, ever shorter until it lands on the misclassified
 * side, and bisects back towards the example.
 *
 * Differs from the authors' code: samples in Linf lie √d times as far out, so that a component moves by dist/d, about; where the code puts
 * them a component of an image moves by a few units of float32, and the estimates are worse. A jump that never lands is given
 * up, where the code would go on for ever. No more samples are taken than leave queries for a jump, while there are so
 * many. The nearest point of all that were judged is kept, not the last one. Starts are those of `findStart`.
 * @see Chen, Jordan, Wainwright 2020, "HopSkipJumpAttack: a query-efficient decision-based attack", arXiv:1904.02144, algorithm 2
 */
export async function hopSkipJumpSearch(
  task: AttackTask,
  options: HopSkipJumpOptions,
): Promise<DecisionFindings> {
  return decisionSearch(task, options.queries, (example) => hop(example, options))
}

function* hop(
  example: DecisionExample,
  { initialSamples }: HopSkipJumpOptions,
): QuerySearch<never> {
  const { norm, origin, low, high, budget } = example
  const size = origin.length
  const { tolerance, radius } = scalesOf(norm, size)
  // What a jump and the way back to the boundary take, about.
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

/** θ, where a bisection ends, and the radius δ of samples over the distance, of d components: the paper's but for √d in Linf. */
function scalesOf(norm: Norm, size: number): { tolerance: number; radius: number } {
  return norm === 'Linf'
    ? { tolerance: size ** -2, radius: 1 / Math.sqrt(size) }
    : { tolerance: size ** -1.5, radius: 1 / size }
}

/**
 * Σ (φᵢ − mean φ) uᵢ over random directions uᵢ, where φᵢ is 1 if the point at that radius is misclassified and −1 if not, and their mean
 * the paper's baseline against variance; if all are alike, Σ φᵢ uᵢ. The directions are measured at the points that were judged, after bounds and rounding.
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
  const question: QueryRequest = {
    count,
    write(_, output) {
      let squares = 0
      if (norm === 'Linf') {
        stream.fillUniform(direction)
        for (let i = 0; i < size; i++) direction[i] = 2 * direction[i]! - 1
      } else stream.fillNormal(direction)
      for (let i = 0; i < size; i++) squares += direction[i]! ** 2
      const scale = squares === 0 ? 0 : radius / Math.sqrt(squares)
      for (let i = 0; i < size; i++) {
        output[i] = Math.min(Math.max(point[i]! + scale * direction[i]!, low), high)
      }
    },
    read(_, asked, logits) {
      const side = judge(asked, logits) ? 1 : -1
      balance += side
      for (let i = 0; i < size; i++) {
        const moved = asked[i]! - point[i]!
        sum[i]! += moved
        signed[i]! += side * moved
      }
    },
  }
  yield question
  const mean = Math.abs(balance) === count ? 0 : balance / count
  for (let i = 0; i < size; i++) signed[i]! -= mean * sum[i]!
  return signed
}

/** The first misclassified point at length, length / 2, length / 4, … along the normal: in Linf along its signs; undefined if there is none. */
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
    if (yield* ask(example, candidate)) return candidate
  }
  return undefined
}
