/** Balls around an input, and exact projections onto them. */
import { ConfigError } from '../base/errors.ts'
import { v, vectorLoop } from '../engine/tensor/vector-loop.ts'
import { projectOntoL0 } from './l0-ball.ts'
import { projectOntoL1 } from './l1-ball.ts'
import { nextDown, nextUp, roundDown, roundToward, roundUp, sumTolerance } from './rounding.ts'
import { describeViolation, distance, verifyBounds } from './verify.ts'
import type { Norm, ThreatModel } from './threat-model.ts'

/** The points that an attacker may return for one input: its ball, intersected with the bounds. */
export interface Ball {
  readonly threatModel: ThreatModel
  /** The input; must not be modified. */
  readonly center: Float32Array
  /**
   * Writes the point of the ball nearest to `point` (float64, finite) into `output`, rounded
   * inward: for the float32 values, the bounds and ‖output − center‖ ≤ epsilon hold exactly in
   * float64.
   */
  project(point: Float64Array, output: Float32Array): void
  /** In Linf, where the ball within the bounds is a box: its lowest and highest corner. */
  readonly corners?: readonly [lower: Float32Array, upper: Float32Array]
}

/**
 * The ball of a threat model around one input.
 * @throws ConfigError ROBENCH_DATA if the input is outside the bounds
 */
export function createBall(threatModel: ThreatModel, center: Float32Array): Ball {
  const violation = verifyBounds(threatModel.bounds, center)
  if (violation) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `an input ${describeViolation(violation)}; ` +
        'set bounds that contain the data, or scale the data to the bounds',
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
  L0: (threatModel, center) => ({
    threatModel,
    center,
    project: (point, output) => projectOntoL0(threatModel, center, point, output),
  }),
}

/** In Linf the ball within the bounds is a box: clipping to its corners gives the nearest point. */
function createLinfBall(threatModel: ThreatModel, center: Float32Array): Ball {
  const { epsilon, bounds } = threatModel
  const lower = new Float32Array(center.length)
  const upper = new Float32Array(center.length)
  for (let i = 0; i < center.length; i++) {
    const x = center[i]!
    let low = roundUp(Math.max(x - epsilon, bounds[0]))
    let high = roundDown(Math.min(x + epsilon, bounds[1]))
    // x ± epsilon is rounded, so the difference can exceed epsilon by one unit in the last place.
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
        // Components were rounded toward x: only the last bits of the float64 sum can be too much.
        scale = Math.max(0, scale * (1 - step) - Number.MIN_VALUE)
      }
    },
  }
}

/** clip(x + t·(point − x)), rounded toward x. */
const shrink = vectorLoop({
  arrays: { point: 'float64', center: 'float32', output: 'float32' },
  scalars: ['scale', 'low', 'high'],
  body({ point, center, scale, low, high }) {
    // At scale 1, the point itself: x + (point − x) can differ from it by rounding.
    const shrunk = v.add(center, v.mul(scale, v.sub(point, center)))
    const moved = v.select(v.less(scale, 1), shrunk, point)
    const output = roundToward(v.clip(moved, low, high), center)
    const change = v.sub(output, center)
    return { writes: { output }, sums: { squares: v.mul(change, change) } }
  },
})

/**
 * The largest t in [0, 1] with ‖clip(x + t·d) − x‖₂ ≤ ε, for d = point − x. By the Lagrange
 * conditions, clip(x + t·d) is the point nearest to x + d in the ball within the bounds. The norm
 * grows with t. Each iteration's t is a lower limit that clips at least as many components as the
 * previous one.
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

/**
 * Two sums of squares: of the change of components that a bound clips at t, and of d in all other
 * components.
 */
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
