/** The checkpoints of APGD. */
import { expect, test } from 'vitest'
import { checkpoints } from '../../../../plugins/attacks/apgd/apgd-state.ts'

test('100 steps have checkpoints after 22, 41, 57, 70, 80, 87, 93, and 99', () => {
  expect(checkpoints(100)).toEqual([22, 41, 57, 70, 80, 87, 93, 99])
})

test('few steps have a checkpoint after each step but the last', () => {
  expect(checkpoints(1)).toEqual([])
  expect(checkpoints(5)).toEqual([1, 2, 3, 4])
  expect(checkpoints(20)).toEqual([4, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
})
