/** Norms of gradients, and the check for values that are not finite. */
import { expect, test } from 'vitest'
import { checkGradient } from '../../../core/attack/batch.ts'
import { dualNorm, gradientNorms } from '../../../core/attack/gradient-norms.ts'
import { distance } from '../../../core/threat/verify.ts'

test('all norms of one pass equal the norms computed separately', () => {
  const gradient = Float32Array.from({ length: 51 }, (_, i) => Math.sin(3 * i) * 2 ** (i % 7))
  const { absolute, squares, largest } = gradientNorms(gradient)
  const zero = new Float32Array(51)
  expect(absolute).toBeCloseTo(distance('L1', zero, gradient), 10)
  expect(Math.sqrt(squares)).toBeCloseTo(distance('L2', zero, gradient), 10)
  expect(largest).toBe(distance('Linf', zero, gradient))
  expect(dualNorm.Linf(gradient)).toBe(absolute)
  expect(dualNorm.L2(gradient)).toBe(Math.sqrt(squares))
  expect(dualNorm.L1(gradient)).toBe(largest)
})

test('the largest finite gradient passes the check', () => {
  const gradient = new Float32Array(9).fill(-3.4028234663852886e38)
  expect(() => checkGradient(gradient, 'row 0', {})).not.toThrow()
})

test.each([NaN, Infinity, -Infinity])('a gradient with %d at any position is rejected', (value) => {
  for (const at of [0, 3, 4, 6]) {
    const gradient = new Float32Array(7).fill(1)
    gradient[at] = value
    expect(() => checkGradient(gradient, 'row 3 at step 2', { row: 3 })).toThrow(
      `the gradient of the loss is not finite: got ${value} for row 3 at step 2; use attacks that need no gradients`,
    )
  }
})
