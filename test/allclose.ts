/** The matcher `toBeAllclose`: elementwise |actual − expected| ≤ atol + rtol·|expected|. */
import { expect } from 'vitest'

export interface Tolerance {
  readonly rtol?: number
  readonly atol?: number
}

expect.extend({
  toBeAllclose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance = {}) {
    const rtol = tolerance.rtol ?? 1e-5
    const atol = tolerance.atol ?? 1e-6
    if (actual.length !== expected.length) {
      return {
        pass: false,
        message: () => `expected ${expected.length} elements, got ${actual.length}`,
      }
    }
    let worst = -1
    let excess = 0
    for (let i = 0; i < actual.length; i++) {
      const a = Number(actual[i])
      const e = Number(expected[i])
      const over = Math.abs(a - e) - (atol + rtol * Math.abs(e))
      if (over > excess || Number.isNaN(a) !== Number.isNaN(e)) {
        excess = Number.isNaN(over) ? Infinity : over
        worst = i
      }
    }
    return {
      pass: worst === -1,
      message: () =>
        `element ${worst} of ${actual.length}: expected ${expected[worst]}, got ${actual[worst]} ` +
        `(rtol ${rtol}, atol ${atol})`,
    }
  },
})
