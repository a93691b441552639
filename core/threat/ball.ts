/** Balls around an input, and the exact projection onto them. */
import { ConfigError } from '../base/errors.ts'
import { v, vectorLoop } from '../engine/tensor/vector-loop.ts'
import { projectOntoL1 } from './l1-ball.ts'
import { nextDown, nextUp, roundDown, roundToward, roundUp } from './rounding.ts'
import { describeViolation, distance, verifyBounds } from './verify.ts'
import type { Norm, ThreatModel } from './threat-model.ts'

/** What an attacker may turn one input into: the ball around it, cut by the bounds. */
export interface Ball {
  readonly threatModel: ThreatModel
  /** The input itself, as many components as an example has; not to be changed. */
  readonly center: Float32Array
  /**
   * Writes into `output` the point of the ball nearest to `point` (float64, finite), rounded inward: bounds
   * and ‖output − center‖ ≤ epsilon hold exactly when computed in float64 from the float32 values.
   */
  project(point: Float64Array, output: Float32Array): void
  /** In Linf, where the ball cut by the bounds is a box: the least and the greatest value of each component. */
  readonly corners?: readonly [lower: Float32Array, upper: Float32Array]
}

/**
 * The ball of a threat model around one input.
 * @throws ConfigError ROBENCH_DATA if the input itself is not within the bounds.
 */
export function createBall(threatModel: ThreatModel, center: Float32Array): Ball {
  const violation = verifyBounds(threatModel.bounds, center)
  if (violation) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `an input ${describeViolation(violation)}; state bounds that contain the data, or scale the data into them`,
    )
  }
  return makeBall[threatModel.norm](threatModel, center)
}

const makeBall: Readonly<Record<Norm, (threatModel: ThreatModel, center: Float32Array) => Ball>> = {
  Linf: createLinfBall,
  L2: createL2Ball,
  L1: (threatModel, center) => ({
    threatModel,
    center,
    project: (point, output) => projectOntoL1(threatModel, center, point, output),
  }),
}

/** In Linf the ball cut by the bounds is a box: clipping to its float32 corners is the nearest point. */
function createLinfBall(threatModel: ThreatModel, center: Float32Array): Ball {
  const { epsilon, bounds } = threatModel
  const lower = new Float32Array(center.length)
  const upper = new Float32Array(center.length)
  for (let i = 0; i < center.length; i++) {
    const x = center[i]!
    let low = roundUp(Math.max(x - epsilon, bounds[0]))
    let high = roundDown(Math.min(x + epsilon, bounds[1]))
    // x ± epsilon is itself rounded, so the difference can still come out above epsilon by one unit.
    while (x - low > epsilon) low = nextUp(low)
    while (high - x > epsilon) high = nextDown(high)
    lower[i] = low
    upper[i] = high
  }
  return {
    threatModel,
    center,
    corners: [lower, upper],
    project: (point, output) => void ontoBox.run({ point, lower, upper, output }, {}),
  }
}

const ontoBox = vectorLoop({
  arrays: { point: 'float64', lower: 'float32', upper: 'float32', output: 'float32' },
  body: ({ point, lower, upper }) => ({ writes: { output: v.clip(point, lower, upper) } }),
})

/** What the order of a sum can change of it, and more. */
const sumTolerance = 1e-9

function createL2Ball(threatModel: ThreatModel, center: Float32Array): Ball {
  const { epsilon, bounds } = threatModel
  const low = roundUp(bounds[0])
  const high = roundDown(bounds[1])
  return {
    threatModel,
    center,
    project(point, output) {
      let scale = shrinkage(point, center, epsilon, low, high)
      for (let step = 2 ** -52; ; step *= 2) {
        const { squares } = shrink.run({ point, center, output }, { scale, low, high })
        if (Math.sqrt(squares) <= epsilon * (1 - sumTolerance)) return
        if (distance('L2', center, output) <= epsilon) return
        // Components were rounded towards x, so only the last bits of the float64 arithmetic can be too much.
        scale = Math.max(0, scale * (1 - step) - Number.MIN_VALUE)
      }
    },
  }
}

/** clip(x + t·(point − x)), rounded towards x. */
const shrink = vectorLoop({
  arrays: { point: 'float64', center: 'float32', output: 'float32' },
  scalars: ['scale', 'low', 'high'],
  body({ point, center, scale, low, high }) {
    // At scale 1 the point itself: x + (point − x) may differ from it by rounding.
    const shrunk = v.add(center, v.mul(scale, v.sub(point, center)))
    const moved = v.select(v.less(scale, 1), shrunk, point)
    const output = roundToward(v.clip(moved, low, high), center)
    const change = v.sub(output, center)
    return { writes: { output }, sums: { squares: v.mul(change, change) } }
  },
})

/**
 * The largest t in [0, 1] with ‖clip(x + t·d) − x‖₂ ≤ ε, for d = point − x: by the Lagrange conditions,
 * clip(x + t·d) is then the point nearest to x + d in the ball cut by the bounds.
 * The norm grows with t, and each round's t is a lower bound that clips at least as many components as the one before.
 */
function shrinkage(
  point: Float64Array,
  center: Float32Array,
  epsilon: number,
  low: number,
  high: number,
): number {
  const measureAt = measureShrunk.over({ point, center })
  let scale = 0
  for (;;) {
    const { clippedSquares, freeSquares } = measureAt({ scale, low, high })
    if (freeSquares === 0 || Math.sqrt(clippedSquares + freeSquares) <= epsilon) return 1
    const room = Math.max(0, epsilon * epsilon - clippedSquares)
    const next = Math.min(1, Math.sqrt(room / freeSquares))
    if (next <= scale) return scale
    scale = next
  }
}

/** Of the components that a bound clips at t the way to the bound, of the others all of d: each squared and summed. */
const measureShrunk = vectorLoop({
  arrays: { point: 'float64', center: 'float32' },
  scalars: ['scale', 'low', 'high'],
  body({ point, center, scale, low, high }) {
    const d = v.sub(point, center)
    const moved = v.add(center, v.mul(scale, d))
    const reached = v.clip(moved, low, high)
    const change = v.sub(reached, center)
    const isFree = v.equal(reached, moved)
    return {
      sums: {
        clippedSquares: v.unless(isFree, v.mul(change, change)),
        freeSquares: v.when(isFree, v.mul(d, d)),
      },
    }
  },
})
