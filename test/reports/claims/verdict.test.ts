/** The verdict at its boundaries. */
import { expect, test } from 'vitest'
import { verdictOf } from '../../../reports/claims/verdict.ts'

const above = { low: 1e-9, high: 0.1 }
const below = { low: -0.1, high: -1e-9 }

test.each([
  ['reproduced at this scale', above, 0.0499, [0.05]],
  ['too close to tell', above, 0.05, [0.05]],
  ['too close to tell', { low: 0, high: 0.1 }, 0.01, [0.05]],
  ['not reproduced', below, 0.0499, [-0.05]],
  ['too close to tell', below, 0.05, [-0.05]],
  ['too close to tell', { low: -0.1, high: 0 }, 0.01, [-0.05]],
  ['reproduced at this scale', above, 0.01, [0.05, 0.001]],
  ['too close to tell', above, 0.01, [0.05, -0.001]],
  ['too close to tell', above, 0.01, [0.05, 0]],
  ['not reproduced', below, 0.01, [-0.05, -0.001]],
  ['too close to tell', below, 0.01, [-0.05, 0.001]],
] as const)('is %s for %j, p %d, and differences %j', (verdict, interval, pValue, differences) => {
  expect(verdictOf({ interval, pValue, differences })).toBe(verdict)
})
