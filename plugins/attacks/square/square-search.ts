/** Random search with square windows: the algorithm of `square`. */
import {
  attackLosses,
  createBall,
  rowOf,
  scheduleTask,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask, Ball } from '../../../core/api/attack.ts'
import { float32, sizeOf, windowQueries } from '../../../core/api/graph.ts'
import type { PixelWindow, WindowSearch } from '../../../core/api/graph.ts'
import { forNorm } from '../../../core/api/plugin.ts'
import type { Norm, RandomStream } from '../../../core/api/plugin.ts'
import { drawStripes, proposeSquare } from './linf-proposals.ts'
import { drawTiles, proposeBump } from './l1-l2-proposals.ts'
import { squareSide } from './square-proposal.ts'
import type { SquareProposal } from './square-proposal.ts'

/** Options of `squareSearch`. */
export interface SquareSearchOptions {
  /** Forward passes per restart, 1 or more; the first evaluates the starting point. */
  readonly queries: number
  /** Starts per example that is not fooled, 1 or more. */
  readonly restarts: number
  /** Fraction of the image that the first squares cover, above 0 and at most 1. */
  readonly initialFraction: number
  /** Rescales the schedule of square sizes from 10,000 queries to `queries`. */
  readonly rescaleSchedule: boolean
}

/** The result of `squareSearch`. */
export interface SquareFindings extends AttackFindings {
  /** `[n]`: queries of each example over all restarts. */
  readonly queries: Int32Array
}

/** The starting point and the proposals of a norm. Both write points of the ball. */
interface Rule {
  start(proposal: SquareProposal): void
  /** Returns the window that differs from the best point; undefined if it is not limited. */
  propose(proposal: SquareProposal): PixelWindow | undefined
  /** See `squareSide`. */
  readonly leastSide: 1 | 3
}

/** Adds the projection to a rule that draws a point. */
const projected =
  (draw: (proposal: SquareProposal) => void) =>
  (proposal: SquareProposal): undefined => {
    draw(proposal)
    proposal.ball.project(proposal.output, proposal.point)
  }

/** The rule of each norm. */
const rules: Readonly<Partial<Record<Norm, Rule>>> = {
  Linf: { start: projected(drawStripes), propose: proposeSquare, leastSide: 1 },
  L2: { start: projected(drawTiles), propose: projected(proposeBump), leastSide: 3 },
  L1: { start: projected(drawTiles), propose: projected(proposeBump), leastSide: 3 },
}

interface Attempt extends WindowSearch {
  readonly row: number
  /** Where the proposed point differs from the best point; undefined if that is not limited. */
  window: PixelWindow | undefined
  readonly ball: Ball
  stream: RandomStream
  /** The proposed point, a row of the batch. */
  point: Float32Array
  /** The row of `point`. */
  place: number
  /** The point with the largest margin in this restart. */
  readonly best: Float32Array
  bestMargin: number
  restart: number
  /** Queries made in this restart. */
  query: number
}

/**
 * Attacks each example with logits only: proposes one change at a time and accepts it if the margin
 * increases. An example's proposals come from its own streams, so its queries do not depend on
 * other examples.
 *
 * Differs from the authors' code: squares also cover the last row and column; images need not be
 * square; if the largest logits are equal, the predicted class decides.
 * @see Andriushchenko et al. 2019, algorithms 1 to 3
 */
export async function squareSearch(
  task: AttackTask,
  options: SquareSearchOptions,
): Promise<SquareFindings> {
  const { model, inputs, labels, threatModel, rng } = task
  const rule = forNorm(rules, threatModel.norm, 'square')
  const [channels = 1, height = 1, width = 1] = inputs.shape.slice(1)
  const shape = [channels, height, width] as const
  const size = sizeOf(shape)
  const output = new Float64Array(size)
  // One batch for all queries, so that thousands of them cause no garbage collection.
  const batch = new Float32Array(Math.min(task.batchSize, labels.length) * size)
  const best = trackBestAdversarial(task)
  const queries = new Int32Array(labels.length)

  const sideAt = (query: number): number =>
    squareSide(shape, squareFraction(query, options), rule.leastSide)
  const sides = threatModel.norm === 'Linf' ? countSides(sideAt, options.queries) : new Map()
  const passes = await windowQueries(model, sides)

  const open = (row: number): Attempt => ({
    row,
    ball: createBall(threatModel, inputs.data.subarray(row * size, (row + 1) * size)),
    stream: rng.stream(row, 0),
    point: batch.subarray(0, size),
    place: -1,
    best: new Float32Array(size),
    bestMargin: -Infinity,
    restart: 0,
    query: 0,
    window: undefined,
  })

  /** Takes in the logits of the proposed point; returns true if the example is finished. */
  const judge = (attempt: Attempt, logits: Float32Array): boolean => {
    const { row, point } = attempt
    queries[row]! += 1
    if (best.record(row, point, logits)) return true
    const margin = attackLosses.margin.value(logits, labels[row]!)
    if (margin > attempt.bestMargin) {
      attempt.bestMargin = margin
      if (attempt.window) copyWindow(point, attempt.best, shape, attempt.window)
      else attempt.best.set(point)
      passes.accept(attempt)
    }
    attempt.query += 1
    if (attempt.query < options.queries) return false
    attempt.restart += 1
    attempt.query = 0
    attempt.bestMargin = -Infinity
    attempt.stream = rng.stream(row, attempt.restart)
    return attempt.restart >= options.restarts
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    active.forEach((attempt, place) => {
      if (attempt.place !== place) {
        attempt.point = batch.subarray(place * size, (place + 1) * size)
        attempt.place = place
        attempt.window = undefined
      }
      propose(attempt, { rule, shape, side: sideAt(attempt.query), output })
    })
    const points = batch.subarray(0, active.length * size)
    const logits = await passes.logits(float32([active.length, ...shape], points), active)
    return active.map((attempt, place) => judge(attempt, rowOf(logits, place)))
  }

  await scheduleTask(task, { open, advance })
  return { ...best.findings, queries }
}

/** Writes the next point of an attempt, starting from its best point. */
function propose(
  attempt: Attempt,
  { rule, ...given }: Pick<SquareProposal, 'shape' | 'side' | 'output'> & { readonly rule: Rule },
): void {
  const { ball, best, point, stream, query, window } = attempt
  if (window) copyWindow(best, point, given.shape, window)
  else point.set(best)
  const proposal = { ...given, ball, best, stream, point }
  attempt.window = undefined
  if (query === 0) rule.start(proposal)
  else attempt.window = rule.propose(proposal)
}

function copyWindow(
  from: Float32Array,
  to: Float32Array,
  [channels, height, width]: SquareProposal['shape'],
  { top, left, side }: PixelWindow,
): void {
  for (let channel = 0; channel < channels; channel++) {
    for (let row = top; row < top + side; row++) {
      const first = (channel * height + row) * width + left
      for (let at = first; at < first + side; at++) to[at] = from[at]!
    }
  }
}

/** The number of queries with squares of each side. */
function countSides(
  sideAt: (query: number) => number,
  queries: number,
): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  for (let query = 1; query < queries; query++) {
    const side = sideAt(query)
    counts.set(side, (counts.get(side) ?? 0) + 1)
  }
  return counts
}

/** Passes of an example that is never fooled. */
export function squareSearchCost({ queries, restarts }: SquareSearchOptions): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: queries * restarts, backward: 0 }
}

/** Of 10,000 queries, those after which the fraction is halved. */
const halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]

/** p: the fraction of the image that a square covers (Andriushchenko et al. 2019, section 3.2). */
export function squareFraction(
  query: number,
  options: Pick<SquareSearchOptions, 'queries' | 'initialFraction' | 'rescaleSchedule'>,
): number {
  const at = options.rescaleSchedule ? Math.floor((query / options.queries) * 10_000) : query
  const passed = halvings.filter((limit) => at > limit).length
  return options.initialFraction / 2 ** passed
}
