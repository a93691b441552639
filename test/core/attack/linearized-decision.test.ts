/** The nearest linearized decision, in the dual norm. */
import { expect, test } from 'vitest'
import { nearestDecision } from '../../../core/attack/linearized-decision.ts'

const steep = { value: -1, gradient: Float32Array.of(3, 4) }
const flat = { value: -0.9, gradient: Float32Array.of(0, 5) }
const zero = { value: -0.01, gradient: Float32Array.of(0, 0) }

test('the norm decides which decision is nearest', () => {
  // 1/7 and 0.9/5 in Linf, 1/5 and 0.9/5 in L2, 1/4 and 0.9/5 in L1
  expect(nearestDecision('Linf', [flat, steep])).toBe(steep)
  expect(nearestDecision('L2', [steep, flat])).toBe(flat)
  expect(nearestDecision('L1', [steep, flat])).toBe(flat)
})

test('a decision without a gradient is never nearer than one with a gradient', () => {
  expect(nearestDecision('L2', [zero, flat])).toBe(flat)
  expect(nearestDecision('L2', [zero])).toBe(zero)
})
