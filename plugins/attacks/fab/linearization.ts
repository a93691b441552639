/** The geometry of FAB: steps toward a linearized decision, and its maximum in the ball. */
import {
  createBall,
  distance,
  dualNorm,
  kernels,
  roundDown,
  roundUp,
  terms,
  v,
  vectorLoop,
} from '../../../core/api/attack.ts'
import type { LinearizedDecision } from '../../../core/api/attack.ts'
import type { Norm, RandomStream, ThreatModel } from '../../../core/api/plugin.ts'
import { prepareProjections } from './projections.ts'

/** α_max: the maximum bias of a step toward the projection of the input. */
const maximumBias = 0.1
/** η: how far a step goes beyond the linearized decision. */
const overshoot = 1.05

/** The input of an example, and its current point. */
export interface Located {
  readonly origin: Float32Array
  readonly point: Float32Array
}

/**
 * Prepares steps for examples of `size` components. A step moves the point to clip((1 − α)(x + η
 * δ¹) + α (x₀ + η δ²)), where δ¹ and δ² project the point x and the input x₀ onto the linearized
 * decision, and α = min(‖δ¹‖ / (‖δ¹‖ + ‖δ²‖), α_max).
 * @see Croce and Hein 2019, algorithm 1
 */
export function prepareSteps(
  { norm, bounds }: ThreatModel,
  size: number,
): (located: Located, decision: LinearizedDecision) => void {
  const projections = prepareProjections(norm, bounds, size)
  const fromPoint = new Float64Array(size)
  const fromOrigin = new Float64Array(size)
  const low = roundUp(bounds[0])
  const high = roundDown(bounds[1])
  return ({ origin, point }, decision) => {
    projections.setNormal(decision.gradient)
    const atOrigin = valueAt(origin, decision, point)
    const first = Math.max(projections.project(point, decision.value, fromPoint), 1e-8)
    const second = Math.max(projections.project(origin, atOrigin, fromOrigin), 1e-8)
    const bias = Math.min(first / (first + second), maximumBias)
    biasedStep.run({ origin, point, fromPoint, fromOrigin }, { bias, low, high })
  }
}

/** point ← clip((1 − α)(point + η δ¹) + α (origin + η δ²)) */
const biasedStep = vectorLoop({
  arrays: { origin: 'float32', point: 'float32', fromPoint: 'float64', fromOrigin: 'float64' },
  scalars: ['bias', 'low', 'high'],
  body({ origin, point, fromPoint, fromOrigin, bias, low, high }) {
    const ahead = terms.along(point, overshoot, fromPoint)
    const backward = terms.along(origin, overshoot, fromOrigin)
    return { writes: { point: v.clip(terms.between(ahead, bias, backward), low, high) } }
  },
})

/** The value of a decision at `place`, according to its linearization at `point`. */
function valueAt(
  place: Float32Array,
  { value, gradient }: LinearizedDecision,
  point: Float32Array,
): number {
  return value + kernels.dotDifference(gradient, point, place)
}

/**
 * Distance of the point that `maximumInBall` projects, in epsilons. Its relative error is 1/reach.
 */
const reach = 1e6

/**
 * The point of the ball with the largest value of any of the linearized decisions: the projection
 * of a distant point along its gradient. For a linear model, no point of the ball has a larger
 * margin.
 * @param located `point` is where the decisions were linearized
 */
export function maximumInBall(
  threatModel: ThreatModel,
  { origin, point }: Located,
  decisions: readonly LinearizedDecision[],
): Float32Array {
  const ball = createBall(threatModel, origin)
  const distant = new Float64Array(origin.length)
  let maximum = -Infinity
  let best = origin
  for (const decision of decisions) {
    const { gradient } = decision
    const scale = (reach * threatModel.epsilon) / (dualNorm.L1(gradient) || 1)
    kernels.addScaled(origin, scale, gradient, distant)
    const candidate = new Float32Array(origin.length)
    ball.project(distant, candidate)
    const value = valueAt(candidate, decision, point)
    if (value <= maximum) continue
    maximum = value
    best = candidate
  }
  return best
}

/** Whether ‖point − origin‖ ≤ ε, without tolerance. */
export function liesInBall({ norm, epsilon }: ThreatModel, { origin, point }: Located): boolean {
  if (norm !== 'Linf') return distance(norm, origin, point) <= epsilon
  // FAB's points are often far outside, which the first few components show.
  for (let i = 0; i < point.length; i++) {
    if (Math.abs(point[i]! - origin[i]!) > epsilon) return false
  }
  return true
}

/**
 * Draws a point at the given distance from `origin` into `output`, not yet within the bounds. Its
 * direction is uniform per component in Linf, and normal in L2 and L1.
 */
export function drawAtDistance(
  norm: Norm,
  origin: Float32Array,
  radius: number,
  stream: RandomStream,
  output: Float64Array,
): void {
  if (norm === 'Linf') {
    stream.fillUniform(output)
    for (let i = 0; i < output.length; i++) output[i] = 2 * output[i]! - 1
  } else stream.fillNormal(output)
  const length = distance(norm, new Float64Array(output.length), output)
  for (let i = 0; i < output.length; i++) {
    output[i] = origin[i]! + (output[i]! * radius) / Math.max(length, 1e-12)
  }
}
