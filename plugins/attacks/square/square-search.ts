/** Square, random search with square patches: the machinery of the attack square. */
import {
  attackLosses,
  createBall,
  rowOf,
  scheduleTask,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask, Ball } from '../../../core/api/attack.ts'
import { float32, sizeOf } from '../../../core/api/graph.ts'
import type {
  AskedPoint,
  KnownPoint,
  Model,
  Norm,
  PixelWindow,
  RandomStream,
  WindowedPasses,
} from '../../../core/api/plugin.ts'
import { drawStripes, proposeSquare } from './linf-proposals.ts'
import { drawTiles, proposeBump } from './l1-l2-proposals.ts'
import { squareSide } from './square-proposal.ts'
import type { SquareProposal } from './square-proposal.ts'

export interface SquareSearchOptions {
  /** Forward passes a restart, 1 or more; the first judges the start. */
  readonly queries: number
  /** How often to start anew while not fooled, 1 or more. */
  readonly restarts: number
  /** The fraction of the image that the first patches cover, above 0 and at most 1. */
  readonly initialFraction: number
  /** Squeezes the schedule of patch sizes, made for 10,000 queries, into `queries`. */
  readonly rescaleSchedule: boolean
}

export interface SquareFindings extends AttackFindings {
  /** `[n]`: the queries that each example took, over all restarts. */
  readonly queries: Int32Array
}

/** Projects what a rule draws. */
const projected =
  (draw: (proposal: SquareProposal) => void) =>
  (proposal: SquareProposal): undefined => {
    draw(proposal)
    proposal.ball.project(proposal.output, proposal.point)
  }

/** First points and proposals of each norm; both write points of the ball. */
const rules: Readonly<
  Record<
    Norm,
    {
      start(proposal: SquareProposal): void
      /** Returns the window that differs from the best point; undefined if that may be anywhere. */
      propose(proposal: SquareProposal): PixelWindow | undefined
      /** Least side of a patch, and whether sides are made odd. */
      readonly leastSide: 1 | 3
    }
  >
> = {
  Linf: { start: projected(drawStripes), propose: proposeSquare, leastSide: 1 },
  L2: { start: projected(drawTiles), propose: projected(proposeBump), leastSide: 3 },
  L1: { start: projected(drawTiles), propose: projected(proposeBump), leastSide: 3 },
}

interface Attempt extends AskedPoint {
  readonly row: number
  /** Keeps the best point. */
  readonly known: KnownPoint
  /** Where the proposed point differs from the best, if not anywhere. */
  window: PixelWindow | undefined
  readonly ball: Ball
  stream: RandomStream
  /** The proposed point: its row of the batch, and which that is. */
  point: Float32Array
  place: number
  /** The point with the largest margin of this restart, and that margin. */
  readonly best: Float32Array
  bestMargin: number
  restart: number
  /** Queries made in this restart. */
  query: number
}

/**
 * Attacks every example with logits only: proposes one change at a time and keeps it if the margin grows. An
 * example's proposals come from its own streams, so its queries depend on nothing but itself.
 *
 * Differs from the reference: patches reach the last row and column, too; images need not be square; a tie of the largest logits
 * counts as misclassified only if the prediction is another class.
 * @see Andriushchenko, Croce, Flammarion, Hein 2020, "Square attack", arXiv:1912.00049, algorithms 1 to 3
 */
export async function squareSearch(
  task: AttackTask,
  options: SquareSearchOptions,
): Promise<SquareFindings> {
  const { model, inputs, labels, threatModel, rng } = task
  const { start, propose, leastSide } = rules[threatModel.norm]
  const [channels = 1, height = 1, width = 1] = inputs.shape.slice(1)
  const shape = [channels, height, width] as const
  const size = sizeOf(shape)
  const output = new Float64Array(size)
  // One for all queries: thousands of batches would keep the garbage collector busy.
  const batch = new Float32Array(Math.min(task.batchSize, labels.length) * size)
  const strongest = trackBestAdversarial(task)
  const queries = new Int32Array(labels.length)

  const sideAt = (query: number): number =>
    squareSide(shape, squareFraction(query, options), leastSide)
  const passes =
    (threatModel.norm === 'Linf' &&
      (await model.windowed?.(countSides(sideAt, options.queries)))) ||
    wholePasses(model)

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
    known: passes.know(),
    window: undefined,
  })

  const nextPoint = (attempt: Attempt): void => {
    const { ball, best, point, stream, query, window } = attempt
    if (window) copyWindow(best, point, shape, window)
    else point.set(best)
    const proposal = { ball, best, shape, side: sideAt(query), stream, output, point }
    attempt.window = undefined
    if (query === 0) start(proposal)
    else attempt.window = propose(proposal)
  }

  /** True if there is nothing more to do. */
  const judge = (attempt: Attempt, logits: Float32Array): boolean => {
    const { row, point } = attempt
    queries[row]! += 1
    if (strongest.offer(row, point, logits)) return true
    const margin = attackLosses.margin.value(logits, labels[row]!)
    if (margin > attempt.bestMargin) {
      attempt.bestMargin = margin
      if (attempt.window) copyWindow(point, attempt.best, shape, attempt.window)
      else attempt.best.set(point)
      attempt.known.keep()
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
      nextPoint(attempt)
    })
    const points = batch.subarray(0, active.length * size)
    const logits = await passes.logits(float32([active.length, ...shape], points), active)
    return active.map((attempt, place) => judge(attempt, rowOf(logits, place)))
  }

  await scheduleTask(task, {
    open,
    advance,
  })
  return { ...strongest.findings, queries }
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

/** How many queries have patches of each side. */
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

/** For models on which windows gain nothing. */
function wholePasses(model: Model): Pick<WindowedPasses, 'know' | 'logits'> {
  return { know: () => ({ keep: () => {} }), logits: (points) => model.logits(points) }
}

/** Passes for an example that is never fooled. */
export function squareSearchCost({ queries, restarts }: SquareSearchOptions): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: queries * restarts, backward: 0 }
}

/** After how many of 10,000 queries the fraction is halved again. */
const halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]

/** p: the fraction of the image that a patch covers at that query (Andriushchenko et al. 2020, section 3.2). */
export function squareFraction(
  query: number,
  options: Pick<SquareSearchOptions, 'queries' | 'initialFraction' | 'rescaleSchedule'>,
): number {
  const at = options.rescaleSchedule ? Math.floor((query / options.queries) * 10_000) : query
  const passed = halvings.filter((limit) => at > limit).length
  return options.initialFraction / 2 ** passed
}
