/** A random walk along the decision boundary toward the example: the algorithm of `boundary`. */
import { terms, v, vectorLoop } from '../../../core/api/attack.ts'
import type { AttackTask, QuerySearch } from '../../../core/api/attack.ts'
import { decisionSearch, isMisclassified } from './decision-search.ts'
import type { DecisionExample, DecisionFindings } from './decision-search.ts'
import { approachBoundary, findStart } from './decision-start.ts'

/** Options of `boundaryWalk`. */
export interface BoundaryWalkOptions {
  /** Forward passes per example, 1 or more; all of them are used. */
  readonly queries: number
  /** Initial δ: length of a step along the sphere around the example, relative to its radius. */
  readonly sphericalStep: number
  /** Initial ε: length of a step toward the example, relative to the radius. */
  readonly sourceStep: number
  /** Factor or divisor of these lengths, above 1. */
  readonly stepAdaptation: number
}

/** Ends the bisection from the start to the boundary, as a fraction of their distance. */
const tolerance = 1e-3
/** One step in this many also evaluates the point on the sphere. */
const checkEvery = 10
/** Number of these steps over which success rates are computed. */
const window = 10

/**
 * Searches for the nearest misclassified point of each example in L2. A proposal is a random step
 * along the sphere around the example, then a step toward the example; it is accepted if it is
 * misclassified. Both step lengths adapt to the success rates: of points on the sphere, and of
 * candidates, whether or not their point on the sphere is misclassified.
 *
 * Follows the authors' second implementation (Foolbox 3): one proposal at a time, lengths adapted
 * at every tenth. Differs from it: the search ends when its budget is spent, not at convergence;
 * starting points come from `findStart`; rates are computed over 10 checks instead of 100 and 30,
 * so that lengths adapt within fewer queries.
 * @see Brendel et al. 2017, algorithm 1
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
  const direction = new Float64Array(point.length)
  for (let step = 1; ; step++) {
    const isNearer = propose(example, point, steps, { sphere, candidate, direction })
    const checks = step % checkEvery === 0
    const sphereSucceeds = !checks || (yield* isMisclassified(example, sphere))
    const succeeds = yield* isMisclassified(example, candidate)
    if (succeeds && isNearer) point.set(candidate)
    if (!checks) continue
    // Near a point of a smooth boundary, half of the points of the sphere are misclassified.
    const change = spherical.add(sphereSucceeds, 0.2, 0.5)
    steps.spherical *= stepAdaptation ** change
    steps.source *= stepAdaptation ** change
    steps.source *= stepAdaptation ** source.add(succeeds, 0.1, 0.25)
  }
}

/**
 * Tracks a success rate: −1 if it is below `least`, 1 if above `most`, 0 otherwise or if unknown.
 */
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

/**
 * Writes a random point on the sphere through `point` around the example, and a candidate nearer to
 * the example. Both are within the bounds. `direction` is scratch space.
 * @returns whether the candidate is nearer than `point`, in float32
 */
function propose(
  { origin, stream, low, high }: DecisionExample,
  point: Float32Array,
  steps: { readonly spherical: number; readonly source: number },
  output: {
    readonly sphere: Float32Array
    readonly candidate: Float32Array
    readonly direction: Float64Array
  },
): boolean {
  const { sphere, candidate, direction } = output
  stream.fillNormal(direction)
  const { squares, along, lengths } = measureWay.run({ origin, point, direction }, {})
  const radius = Math.sqrt(squares)
  // Only the tangent counts: the part of the direction orthogonal to the radius.
  const radial = squares === 0 ? 0 : along / squares
  const tangent = Math.sqrt(Math.max(0, lengths - radial * along))
  const length = tangent === 0 ? 0 : (steps.spherical * radius) / tangent
  // Scales the moved point back onto the sphere.
  const shrink = 1 / Math.sqrt(1 + steps.spherical ** 2)
  const { away } = stepAlongSphere.run(
    { origin, point, direction, sphere },
    { radial, length, shrink, low, high },
  )
  // Clipping to the bounds may move the point off the sphere, so its actual radius counts.
  const apart = Math.sqrt(away)
  const nearer = Math.max(0, steps.source * radius + apart - radius)
  const part = apart === 0 ? 0 : nearer / apart
  const { left } = stepToward.run({ origin, sphere, candidate }, { part, low, high })
  return left < squares
}

/** With way = point − origin: ‖way‖², ⟨direction, way⟩, and ‖direction‖². */
const measureWay = vectorLoop({
  arrays: { origin: 'float32', point: 'float32', direction: 'float64' },
  body({ origin, point, direction }) {
    const way = v.sub(point, origin)
    return {
      sums: {
        squares: terms.squared(way),
        along: v.mul(direction, way),
        lengths: terms.squared(direction),
      },
    }
  },
})

/**
 * origin + shrink·(way + length·(direction − radial·way)), and its squared distance from the
 * origin.
 */
const stepAlongSphere = vectorLoop({
  arrays: { origin: 'float32', point: 'float32', direction: 'float64', sphere: 'float32' },
  scalars: ['radial', 'length', 'shrink', 'low', 'high'],
  body({ origin, point, direction, radial, length, shrink, low, high }) {
    const way = v.sub(point, origin)
    const tangent = v.sub(direction, v.mul(radial, way))
    const moved = terms.along(origin, shrink, terms.along(way, length, tangent))
    const inside = terms.clipped(moved, low, high)
    return { writes: { sphere: inside }, sums: { away: terms.squaredDifference(inside, origin) } }
  },
})

/** sphere + part·(origin − sphere), and its squared distance from the origin. */
const stepToward = vectorLoop({
  arrays: { origin: 'float32', sphere: 'float32', candidate: 'float32' },
  scalars: ['part', 'low', 'high'],
  body({ origin, sphere, part, low, high }) {
    const inside = terms.clipped(terms.between(sphere, part, origin), low, high)
    return {
      writes: { candidate: inside },
      sums: { left: terms.squaredDifference(inside, origin) },
    }
  },
})
