/** The boundary attack: a random walk along the boundary that comes ever nearer. */
import { v, vectorLoop } from '../../../core/api/attack.ts'
import type { AttackTask, QuerySearch } from '../../../core/api/attack.ts'
import { ask, decisionSearch } from './decision-search.ts'
import type { DecisionExample, DecisionFindings } from './decision-search.ts'
import { approachBoundary, findStart } from './decision-start.ts'

export interface BoundaryWalkOptions {
  /** Forward passes of each example, 1 or more: exactly so many are made. */
  readonly queries: number
  /** δ at first: length of a step along the sphere around the example, over its radius. */
  readonly sphericalStep: number
  /** ε at first: length of the step towards the example, over the radius. */
  readonly sourceStep: number
  /** What lengths are multiplied with or divided by, above 1. */
  readonly stepAdaptation: number
}

/** Where the bisection from the start to the boundary ends. */
const tolerance = 1e-3
/** In one step of so many the point on the sphere is asked about, too. */
const checkEvery = 10
/** Success rates are taken over so many of these steps. */
const window = 10

/**
 * Looks for the nearest misclassified point of every example in L2: a random step along the sphere around the example, a step
 * towards it, and there it stays if that is misclassified. Both lengths follow how often it is.
 *
 * Follows the authors' second implementation (Foolbox 3): one proposal at a time, the lengths judged by every tenth. Differs from
 * it: after the budget, not at convergence, it ends; starts are those of `findStart`; rates are taken over 10 checks instead of 100 and
 * 30, so that lengths follow within fewer queries.
 * @see Brendel, Rauber, Bethge 2018, "Decision-based adversarial attacks", arXiv:1712.04248, algorithm 1
 */
export async function boundaryWalk(
  task: AttackTask,
  options: BoundaryWalkOptions,
): Promise<DecisionFindings> {
  return decisionSearch(task, options.queries, (example) => walk(example, options))
}

function* walk(example: DecisionExample, options: BoundaryWalkOptions): QuerySearch<never> {
  const { stepAdaptation } = options
  const start = yield* findStart(example)
  const point = yield* approachBoundary(example, start, tolerance)
  const steps = { spherical: options.sphericalStep, source: options.sourceStep }
  const spherical = successRate()
  const source = successRate()
  const sphere = new Float32Array(point.length)
  const candidate = new Float32Array(point.length)
  for (let step = 1; ; step++) {
    const isNearer = propose(example, point, steps, { sphere, candidate })
    const checks = step % checkEvery === 0
    const stays = !checks || (yield* ask(example, sphere))
    const reached = stays && (yield* ask(example, candidate))
    if (reached && isNearer) point.set(candidate)
    if (!checks) continue
    // On a smooth boundary half of the sphere's points near enough to this one are misclassified.
    const change = spherical.add(stays, 0.2, 0.5)
    steps.spherical *= stepAdaptation ** change
    steps.source *= stepAdaptation ** change
    if (stays) steps.source *= stepAdaptation ** source.add(reached, 0.1, 0.25)
  }
}

/** Counts successes and says when there are too few (−1) or too many (1) of them; 0 while it is not clear. */
function successRate(): {
  add(success: boolean, least: number, most: number): -1 | 0 | 1
} {
  let recent: boolean[] = []
  return {
    add(success, least, most) {
      recent = [success, ...recent.slice(0, window - 1)]
      if (recent.length < window) return 0
      const rate = recent.filter(Boolean).length / window
      if (rate >= least && rate <= most) return 0
      recent = []
      return rate > most ? 1 : -1
    },
  }
}

/** What directions are drawn into; nothing of it outlives a proposal. */
let scratch = new Float64Array(0)

/**
 * A random point on the sphere through `point` around the example, and one nearer to the example; both within the bounds.
 * @returns whether the second one is nearer than `point`, as float32
 */
function propose(
  { origin, stream, low, high }: DecisionExample,
  point: Float32Array,
  steps: { readonly spherical: number; readonly source: number },
  output: { readonly sphere: Float32Array; readonly candidate: Float32Array },
): boolean {
  const { sphere, candidate } = output
  if (scratch.length !== point.length) scratch = new Float64Array(point.length)
  const direction = scratch
  stream.fillNormal(direction)
  const { squares, along, lengths } = measureWay.run({ origin, point, direction }, {})
  const radius = Math.sqrt(squares)
  // Of the direction what is at right angles to the radius, the tangent, counts.
  const radial = squares === 0 ? 0 : along / squares
  const tangent = Math.sqrt(Math.max(0, lengths - radial * along))
  const length = tangent === 0 ? 0 : (steps.spherical * radius) / tangent
  // Back onto the sphere.
  const shrink = 1 / Math.sqrt(1 + steps.spherical ** 2)
  const { away } = stepAlongSphere.run(
    { origin, point, direction, sphere },
    { radial, length, shrink, low, high },
  )
  // Bounds may have taken the point off the sphere: the candidate's own radius is what counts.
  const apart = Math.sqrt(away)
  const nearer = Math.max(0, steps.source * radius + apart - radius)
  const part = apart === 0 ? 0 : nearer / apart
  const { left } = stepTowards.run({ origin, sphere, candidate }, { part, low, high })
  return left < squares
}

/** From the example to the point, and what part of the direction goes that way. */
const measureWay = vectorLoop({
  arrays: { origin: 'float32', point: 'float32', direction: 'float64' },
  body({ origin, point, direction }) {
    const way = v.sub(point, origin)
    return {
      sums: {
        squares: v.mul(way, way),
        along: v.mul(direction, way),
        lengths: v.mul(direction, direction),
      },
    }
  },
})

/** origin + shrink·(way + length·(direction − radial·way)), and its squared distance from the origin. */
const stepAlongSphere = vectorLoop({
  arrays: { origin: 'float32', point: 'float32', direction: 'float64', sphere: 'float32' },
  scalars: ['radial', 'length', 'shrink', 'low', 'high'],
  body({ origin, point, direction, radial, length, shrink, low, high }) {
    const way = v.sub(point, origin)
    const tangent = v.sub(direction, v.mul(radial, way))
    const moved = v.add(origin, v.mul(shrink, v.add(way, v.mul(length, tangent))))
    const inside = v.round(v.clip(moved, low, high))
    const off = v.sub(inside, origin)
    return { writes: { sphere: inside }, sums: { away: v.mul(off, off) } }
  },
})

/** sphere + part·(origin − sphere), and its squared distance from the origin. */
const stepTowards = vectorLoop({
  arrays: { origin: 'float32', sphere: 'float32', candidate: 'float32' },
  scalars: ['part', 'low', 'high'],
  body({ origin, sphere, part, low, high }) {
    const moved = v.add(sphere, v.mul(part, v.sub(origin, sphere)))
    const inside = v.round(v.clip(moved, low, high))
    const off = v.sub(inside, origin)
    return { writes: { candidate: inside }, sums: { left: v.mul(off, off) } }
  },
})
