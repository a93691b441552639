/** Named vector operations for attacks: on whole arrays, and as terms for fused loops. */
import { v, vectorLoop } from '../engine/tensor/vector-loop.ts'
import type { ElementType, Term } from '../engine/tensor/vector-loop.ts'
import { roundDown, roundUp } from '../threat/rounding.ts'

type Floats = Float32Array | Float64Array

/**
 * Terms of vector loops, for attacks that fuse several operations into one loop.
 * @see `vectorLoop`
 */
export const terms = {
  /** origin + scale·direction */
  along: (origin: Term, scale: Term | number, direction: Term): Term =>
    v.add(origin, v.mul(scale, direction)),
  /** from + share·(to − from) */
  between: (from: Term, share: Term | number, to: Term): Term =>
    v.add(from, v.mul(share, v.sub(to, from))),
  /** a² */
  squared: (a: Term): Term => v.mul(a, a),
  /** (a − b)² */
  squaredDifference: (a: Term, b: Term): Term => terms.squared(v.sub(a, b)),
  /** The value clipped to [low, high] and rounded to float32, as a float32 array stores it. */
  clipped: (value: Term, low: Term, high: Term): Term => v.round(v.clip(value, low, high)),
}

/**
 * Operations on arrays of one length. Each component is computed in float64, and rounded once where
 * the output is float32. The output may be one of the inputs.
 */
export const kernels = {
  /** output ← origin + scale·direction */
  addScaled(origin: Float32Array, scale: number, direction: Floats, output: Float64Array): void {
    if (direction instanceof Float32Array) addScaled32.run({ origin, direction, output }, { scale })
    else addScaled64.run({ origin, direction, output }, { scale })
  },

  /** output ← origin + length·sign(direction); a component without direction stays. */
  addSigns(origin: Float32Array, length: number, direction: Floats, output: Float64Array): void {
    if (direction instanceof Float32Array) addSigns32.run({ origin, direction, output }, { length })
    else addSigns64.run({ origin, direction, output }, { length })
  },

  /** velocity ← decay·velocity + scale·gradient */
  accumulate(velocity: Float64Array, decay: number, scale: number, gradient: Float32Array): void {
    accumulateLoop.run({ velocity, gradient }, { decay, scale })
  },

  /** ‖vector‖₂² */
  squaredNorm(vector: Floats): number {
    if (vector instanceof Float32Array) return squaredNorm32.run({ vector }, {}).sum
    return squaredNorm64.run({ vector }, {}).sum
  },

  /** output ← from + share·(to − from) */
  interpolate(from: Float32Array, to: Float32Array, share: number, output: Floats): void {
    if (output instanceof Float32Array) interpolate32.run({ from, to, output }, { share })
    else interpolate64.run({ from, to, output }, { share })
  },

  /** output ← from + scale·(output − from) */
  rescale(from: Float32Array, scale: number, output: Float64Array): void {
    rescaleLoop.run({ from, output }, { scale })
  },

  /** ⟨normal, to − from⟩ */
  dotDifference(normal: Float32Array, from: Float32Array, to: Float32Array): number {
    return dotDifferenceLoop.run({ normal, from, to }, {}).sum
  },

  /** output ← the point clipped to the bounds, which are rounded inward to float32. */
  clipToBounds(
    point: Float64Array,
    bounds: readonly [low: number, high: number],
    output: Float32Array,
  ): void {
    clipLoop.run({ point, output }, { low: roundUp(bounds[0]), high: roundDown(bounds[1]) })
  },
}

const clipLoop = vectorLoop({
  arrays: { point: 'float64', output: 'float32' },
  scalars: ['low', 'high'],
  body: ({ point, low, high }) => ({ writes: { output: v.clip(point, low, high) } }),
})

const addScaled32 = prepareAddScaled('float32')
const addScaled64 = prepareAddScaled('float64')
const addSigns32 = prepareAddSigns('float32')
const addSigns64 = prepareAddSigns('float64')
const squaredNorm32 = prepareSquaredNorm('float32')
const squaredNorm64 = prepareSquaredNorm('float64')
const interpolate32 = prepareInterpolate('float32')
const interpolate64 = prepareInterpolate('float64')

function prepareAddScaled<const Type extends ElementType>(type: Type) {
  return vectorLoop({
    arrays: { origin: 'float32', direction: type, output: 'float64' },
    scalars: ['scale'],
    body: ({ origin, direction, scale }) => ({
      writes: { output: terms.along(origin, scale, direction) },
    }),
  })
}

function prepareAddSigns<const Type extends ElementType>(type: Type) {
  return vectorLoop({
    arrays: { origin: 'float32', direction: type, output: 'float64' },
    scalars: ['length'],
    body: ({ origin, direction, length }) => ({
      writes: { output: terms.along(origin, length, v.sign(direction)) },
    }),
  })
}

function prepareSquaredNorm<const Type extends ElementType>(type: Type) {
  return vectorLoop({
    arrays: { vector: type },
    body: ({ vector }) => ({ sums: { sum: terms.squared(vector) } }),
  })
}

function prepareInterpolate<const Type extends ElementType>(type: Type) {
  return vectorLoop({
    arrays: { from: 'float32', to: 'float32', output: type },
    scalars: ['share'],
    body: ({ from, to, share }) => ({ writes: { output: terms.between(from, share, to) } }),
  })
}

const rescaleLoop = vectorLoop({
  arrays: { from: 'float32', output: 'float64' },
  scalars: ['scale'],
  body: ({ from, output, scale }) => ({ writes: { output: terms.between(from, scale, output) } }),
})

const accumulateLoop = vectorLoop({
  arrays: { velocity: 'float64', gradient: 'float32' },
  scalars: ['decay', 'scale'],
  body: ({ velocity, gradient, decay, scale }) => ({
    writes: { velocity: v.add(v.mul(decay, velocity), v.mul(scale, gradient)) },
  }),
})

const dotDifferenceLoop = vectorLoop({
  arrays: { normal: 'float32', from: 'float32', to: 'float32' },
  body: ({ normal, from, to }) => ({ sums: { sum: v.mul(normal, v.sub(to, from)) } }),
})
