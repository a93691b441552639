/** The geometry of FAB: steps towards the nearest linearized decision, and the most that a linearization promises in the ball. */
import {
  createBall,
  distance,
  gradientNorms,
  roundDown,
  roundUp,
  v,
  vectorLoop,
} from '../../../core/api/attack.ts'
import type { Norm, RandomStream, ThreatModel } from '../../../core/api/plugin.ts'
import { prepareProjections } from './projections.ts'

/** Most that a step is drawn to the input's own projection (α_max). */
const pullLimit = 0.1
/** How far a step goes beyond the linearized decision (η). */
const overshoot = 1.05

/** A decision z_s − z_y = 0, linearized at a point. */
export interface LinearizedDecision {
  readonly value: number
  readonly gradient: Float32Array
}

/** |z_s − z_y| / ‖∇‖ in the dual norm: the distance of a linearized decision without bounds. */
export function nearestDecision(
  norm: Norm,
  decisions: readonly LinearizedDecision[],
): LinearizedDecision {
  let nearest = decisions[0]!
  if (decisions.length === 1) return nearest
  let least = Infinity
  for (const decision of decisions) {
    const away = Math.abs(decision.value) / (dualNorm[norm](decision.gradient) + 1e-12)
    if (away < least) {
      least = away
      nearest = decision
    }
  }
  return nearest
}

/** The norm in which a gradient's length says how much a loss changes at most per unit of distance. */
export const dualNorm: Readonly<Record<Norm, (gradient: Float32Array) => number>> = {
  Linf: (gradient) => gradientNorms(gradient).absolute,
  L2: (gradient) => Math.sqrt(gradientNorms(gradient).squares),
  L1: (gradient) => gradientNorms(gradient).largest,
}

/** Where an example came from, and where it is. */
export interface Placed {
  readonly origin: Float32Array
  readonly point: Float32Array
}

/**
 * Prepares steps for examples of so many components; a step moves the point to
 * clip((1 − α)(x + η δ¹) + α (x₀ + η δ²)), where δ¹ and δ² take the point and the input onto the linearized
 * decision, and α = min(‖δ¹‖ / (‖δ¹‖ + ‖δ²‖), α_max).
 */
export function prepareSteps(
  { norm, bounds }: ThreatModel,
  size: number,
): (placed: Placed, decision: LinearizedDecision) => void {
  const moves = prepareProjections(norm, bounds, size)
  const fromPoint = new Float64Array(size)
  const fromOrigin = new Float64Array(size)
  const low = roundUp(bounds[0])
  const high = roundDown(bounds[1])
  return (placed, decision) => {
    const { origin, point } = placed
    moves.face(decision.gradient)
    const first = Math.max(moves.move(point, decision.value, fromPoint), 1e-8)
    const second = Math.max(moves.move(origin, valueAt(origin, decision, point), fromOrigin), 1e-8)
    const pull = Math.min(first / (first + second), pullLimit)
    blend.run({ origin, point, fromPoint, fromOrigin }, { pull, low, high })
  }
}

/** point ← clip((1 − α)(point + η δ¹) + α (origin + η δ²)) */
const blend = vectorLoop({
  arrays: { origin: 'float32', point: 'float32', fromPoint: 'float64', fromOrigin: 'float64' },
  scalars: ['pull', 'low', 'high'],
  body({ origin, point, fromPoint, fromOrigin, pull, low, high }) {
    const ahead = v.add(point, v.mul(overshoot, fromPoint))
    const aside = v.add(origin, v.mul(overshoot, fromOrigin))
    const moved = v.add(ahead, v.mul(pull, v.sub(aside, ahead)))
    return { writes: { point: v.clip(moved, low, high) } }
  },
})

/** What the linearization at `point` says of the decision at another place. */
function valueAt(
  place: Float32Array,
  { value, gradient }: LinearizedDecision,
  point: Float32Array,
): number {
  return value + rise.run({ place, point, gradient }, {}).sum
}

/** ⟨g, place − point⟩ */
const rise = vectorLoop({
  arrays: { place: 'float32', point: 'float32', gradient: 'float32' },
  body: ({ place, point, gradient }) => ({ sums: { sum: v.mul(gradient, v.sub(place, point)) } }),
})

/** How far the projected point lies along a gradient's largest component, in epsilons; about 1/reach of the value is lost. */
const reach = 1e6

/**
 * The point of the ball at which one of the linearized decisions is the greatest: the projection of a point far along its gradient.
 * If the model is linear, no point of the ball is more misclassified.
 * @param point where the decisions were linearized.
 */
export function greatestInBall(
  threatModel: ThreatModel,
  { origin, point }: Placed,
  decisions: readonly LinearizedDecision[],
): Float32Array {
  const ball = createBall(threatModel, origin)
  const far = new Float64Array(origin.length)
  let greatest = -Infinity
  let best = origin
  for (const decision of decisions) {
    const { gradient } = decision
    const scale = (reach * threatModel.epsilon) / (dualNorm.L1(gradient) || 1)
    for (let i = 0; i < far.length; i++) far[i] = origin[i]! + scale * gradient[i]!
    const candidate = new Float32Array(origin.length)
    ball.project(far, candidate)
    const reached = valueAt(candidate, decision, point)
    if (reached <= greatest) continue
    greatest = reached
    best = candidate
  }
  return best
}

/** A share of the way from the origin is all that the point keeps. */
export function drawBack({ origin, point }: Placed, share: number): void {
  shorten.run({ origin, point }, { share })
}

const shorten = vectorLoop({
  arrays: { origin: 'float32', point: 'float32' },
  scalars: ['share'],
  body: ({ origin, point, share }) => ({
    writes: { point: v.add(origin, v.mul(share, v.sub(point, origin))) },
  }),
})

/** Whether ‖point − origin‖ ≤ ε. */
export function liesInBall({ norm, epsilon }: ThreatModel, { origin, point }: Placed): boolean {
  if (norm !== 'Linf') return distance(norm, origin, point) <= epsilon
  // FAB's points are often far outside, which the first few components tell.
  for (let i = 0; i < point.length; i++) {
    if (Math.abs(point[i]! - origin[i]!) > epsilon) return false
  }
  return true
}

/** Into the bounds, as float32. */
export function clip(
  from: Float64Array,
  bounds: readonly [number, number],
  output: Float32Array,
): void {
  const low = roundUp(bounds[0])
  const high = roundDown(bounds[1])
  for (let i = 0; i < output.length; i++) output[i] = Math.min(Math.max(from[i]!, low), high)
}

/** A random point at that distance, in the norm; normal directions in L2 and L1. */
export function drawAround(
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
