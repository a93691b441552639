/** Parts of attack steps as expressions, for steps on the device of the model. */
import { g } from '../engine/graph/graph.ts'
import type { Value } from '../engine/graph/value.ts'
import type { StepPrecision } from '../model/step-programs.ts'

/**
 * Stands for −∞ in maxima: the largest float32 of this sign, because WebGPU does not guarantee
 * infinities.
 */
const lowest = -3.4028234663852886e38

/**
 * Rounds of the projection onto an L2 ball within bounds, of which each clips more components. The
 * host repeats them until nothing changes. With fewer, the point is in the ball, too, though not the
 * nearest one.
 */
const projectionRounds = 8

/** By how much the radius of an L2 ball is smaller where steps are computed in float32. */
const roundingShare = 1e-6

/** The ball of an L2 step, each as long as the batch, and the centers `[n, c, h, w]`. */
export interface L2Ball {
  readonly center: Value
  readonly epsilon: Value
  readonly low: Value
  readonly high: Value
}

/** Masks are float32 `[n]` of zeros and ones, since providers lack operators for booleans. */
export const stepExpressions = {
  /** Whether `predictedClass` gives this class. @param classes `[n]`, int64 */
  isPredicted(logits: Value, classes: Value): Value {
    const count = logits.shape[1] as number
    const numbers = g.integers(Array.from({ length: count }, (_, i) => i))
    const column = g.unsqueeze(classes, [1])
    const own = g.equal(numbers, column)
    const logit = g.reduceSum(g.where(own, logits, 0), [1])
    const before = g.reduceMax(g.where(g.less(numbers, column), logits, lowest), [1])
    const after = g.reduceMax(g.where(g.greater(numbers, column), logits, lowest), [1])
    return both(isGreater(logit, before), not(isGreater(after, logit)))
  },

  isGreater,
  both,
  either: (a: Value, b: Value): Value => g.max(a, b),
  not,
  /** Whether two masks are equal. */
  isSame: (a: Value, b: Value): Value => not(g.abs(g.sub(a, b))),

  /** Rows of a where the mask is 1, else of b. */
  choose(mask: Value, a: Value, b: Value): Value {
    return g.where(g.greater(perRow(mask, a), 0.5), a, b)
  },

  /** `[n]`: 0 where all components of a row are finite, else NaN. */
  checkFinite: (values: Value): Value => g.reduceSum(g.mul(values, 0), componentsOf(values)),

  /** A row of numbers `[n]` that broadcasts over the components of `like`. */
  perRow,

  /** point + length·sign(direction), in the type of `length`. @param length `[n]` */
  addSigns(point: Value, length: Value, direction: Value): Value {
    const signOf = (is: Value): Value => g.cast(is, length.dtype)
    // The WebGPU provider has no kernel for Sign.
    const signs = g.sub(signOf(g.greater(direction, 0)), signOf(g.greater(0, direction)))
    return g.add(g.cast(point, length.dtype), g.mul(perRow(length, point), signs))
  },

  /** point + length·direction/‖direction‖₂; a direction of zeros does not move. */
  addNormalized(point: Value, length: Value, direction: Value): Value {
    const { dtype } = length
    // In float32, the squares of a small gradient vanish.
    const scaled = dtype === 'float64' ? g.cast(direction, dtype) : byLargest(direction)
    const squares = g.reduceSumSquare(scaled, componentsOf(point))
    const scale = g.where(g.greater(squares, 0), g.div(length, g.sqrt(squares)), 0)
    return g.add(g.cast(point, dtype), g.mul(perRow(scale, point), scaled))
  },

  /** decay·velocity + gradient/‖gradient‖₁, in the type of the velocity. @param decay `[n]` */
  accumulate(velocity: Value, decay: Value, gradient: Value): Value {
    const own = g.cast(gradient, velocity.dtype)
    const sum = g.reduceSum(g.abs(own), componentsOf(own))
    const scale = g.where(g.greater(sum, 0), g.div(1, sum), 0)
    return g.add(g.mul(perRow(decay, own), velocity), g.mul(perRow(scale, own), own))
  },

  /** The nearest float32 point of a box with float32 corners. */
  ontoBox(point: Value, lower: Value, upper: Value): Value {
    return g.min(g.max(g.cast(point, 'float32'), lower), upper)
  },

  /** The nearest point of an L2 ball within bounds, in float32, rounded toward the center. */
  ontoL2Ball(point: Value, ball: L2Ball): Value {
    const dtype = point.dtype as StepPrecision
    const center = g.cast(ball.center, dtype)
    const epsilon = dtype === 'float64' ? ball.epsilon : g.mul(ball.epsilon, 1 - roundingShare)
    const clip = (values: Value): Value =>
      g.min(g.max(values, perRow(ball.low, point)), perRow(ball.high, point))
    const away = g.sub(point, center)
    const along = (scale: Value): Value => g.add(center, g.mul(perRow(scale, point), away))
    const limit = g.mul(epsilon, epsilon)
    let scale = g.mul(epsilon, 0)
    for (let round = 0; round < projectionRounds; round++) {
      const moved = along(scale)
      const reached = clip(moved)
      const isFree = g.equal(reached, moved)
      const change = g.sub(reached, center)
      const axes = componentsOf(point)
      const clipped = g.reduceSumSquare(g.where(isFree, 0, change), axes)
      const free = g.reduceSumSquare(g.where(isFree, away, 0), axes)
      const next = g.min(g.sqrt(g.div(g.max(g.sub(limit, clipped), 0), free)), 1)
      const isOutside = g.greater(g.add(clipped, free), limit)
      // Where every component is clipped, the nearest point within the bounds is in the ball.
      const shrunk = g.where(isOutside, g.max(scale, next), 1)
      scale = g.where(g.greater(free, 0), shrunk, 1)
    }
    const inside = clip(g.where(g.less(perRow(scale, point), 1), along(scale), point))
    return dtype === 'float64' ? roundedToward(inside, center) : inside
  },
} as const

/** Whether a > b, as a mask. */
function isGreater(a: Value, b: Value): Value {
  return g.cast(g.greater(a, b), 'float32')
}

function both(a: Value, b: Value): Value {
  return g.mul(a, b)
}

function not(a: Value): Value {
  return g.sub(1, a)
}

function perRow(numbers: Value, like: Value): Value {
  return like.shape.length === 1 ? numbers : g.unsqueeze(numbers, componentsOf(like))
}

function componentsOf({ shape }: Value): number[] {
  return shape.slice(1).map((_, axis) => axis + 1)
}

/** Rows divided by their largest absolute value; rows of zeros stay. */
function byLargest(values: Value): Value {
  const largest = g.reduceMax(g.abs(values), componentsOf(values), true)
  return g.div(values, g.where(g.greater(largest, 0), largest, 1))
}

/** A float64 value as the adjacent float32 on the side of the center: see `roundToward`. */
function roundedToward(value: Value, center: Value): Value {
  const nearest = g.cast(g.cast(value, 'float32'), 'float64')
  const outward = g.where(g.less(center, value), g.scalar(1, 'float64'), g.scalar(-1, 'float64'))
  const aboutUnit = g.max(g.mul(g.abs(nearest), 1.25 * 2 ** -24), 1.25 * 2 ** -150)
  const neighbor = g.sub(nearest, g.mul(outward, aboutUnit))
  const isOutside = g.greater(g.mul(outward, g.sub(nearest, value)), 0)
  return g.cast(g.where(isOutside, neighbor, nearest), 'float32')
}
