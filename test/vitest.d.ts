import 'vitest'
import type { Tolerance } from './allclose.ts'

declare module 'vitest' {
  interface Matchers<T = any> {
    /** Elementwise |actual − expected| ≤ atol + rtol·|expected|; defaults rtol 1e-5, atol 1e-6. */
    toBeAllclose(expected: ArrayLike<number>, tolerance?: Tolerance): T
  }
}
