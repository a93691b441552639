/** Schedules have the values of their definitions. */
import { describe, expect, test } from 'vitest'
import { scheduleFactor, scheduleNames } from '../../../core/training/schedule.ts'

test.each([
  ['cosine', [1, 0.8535533905932737, 0.5, 0.14644660940672627]],
  ['one-cycle', [0, 0.8333333333333334, 0.7142857142857143, 0.35714285714285715]],
  ['step', [1, 1, 0.1, 0.01]],
  ['constant', [1, 1, 1, 1]],
] as const)('%s at 0, ¼, ½ and ¾', (name, expected) => {
  expect([0, 0.25, 0.5, 0.75].map((progress) => scheduleFactor(name, progress))).toBeAllclose(
    expected,
    { atol: 1e-12 },
  )
})

describe.each(scheduleNames)('%s', (name) => {
  test('stays between 0 and 1', () => {
    for (let progress = 0; progress < 1; progress += 0.01) {
      expect(scheduleFactor(name, progress)).toBeGreaterThanOrEqual(0)
      expect(scheduleFactor(name, progress)).toBeLessThanOrEqual(1)
    }
  })
  test('rises from 0 during warmup and is unchanged after it', () => {
    expect(scheduleFactor(name, 0, 0.1)).toBe(0)
    expect(scheduleFactor(name, 0.05, 0.1)).toBeCloseTo(0.5 * scheduleFactor(name, 0.05), 12)
    expect(scheduleFactor(name, 0.1, 0.1)).toBe(scheduleFactor(name, 0.1))
  })
})
