/** Outcomes of the shards of a cell, joined in the order of the examples. */
import { expect, test } from 'vitest'
import { joinShards } from '../../../../core/bench/execute/join-shards.ts'

test('outcomes are joined and passes are added', () => {
  const first = { outcomes: 'wr', forwardPasses: 3, backwardPasses: 1 }
  const second = { outcomes: 'b', forwardPasses: 5, backwardPasses: 2 }
  expect(joinShards([first, second])).toEqual({
    outcomes: 'wrb',
    forwardPasses: 8,
    backwardPasses: 3,
  })
})

test('optional parts are joined if the shards have them', () => {
  const passes = { forwardPasses: 1, backwardPasses: 0 }
  const joined = joinShards([
    {
      outcomes: 'wb',
      ...passes,
      breakingEpsilons: [0, 0.5],
      correct: '01',
      draws: { count: 4, correct: [0, 2] },
      silentSuccesses: 1,
    },
    {
      outcomes: 'r',
      ...passes,
      breakingEpsilons: [null],
      correct: '1',
      draws: { count: 4, correct: [3] },
      silentSuccesses: 2,
    },
  ])
  expect(joined).toMatchObject({
    breakingEpsilons: [0, 0.5, null],
    correct: '011',
    draws: { count: 4, correct: [0, 2, 3] },
    silentSuccesses: 3,
  })
})

test('a shard without stages keeps its outcomes in every stage', () => {
  const passes = { forwardPasses: 0, backwardPasses: 0 }
  const staged = [
    { name: 'apgd', outcomes: 'rr' },
    { name: 'square', outcomes: 'rb' },
  ]
  const { stages } = joinShards([
    { outcomes: 'ww', ...passes },
    { outcomes: 'rb', ...passes, stages: staged },
  ])
  expect(stages).toEqual([
    { name: 'apgd', outcomes: 'wwrr' },
    { name: 'square', outcomes: 'wwrb' },
  ])
})

test('silent successes are unknown if one shard does not report them', () => {
  const passes = { forwardPasses: 0, backwardPasses: 0 }
  const joined = joinShards([
    { outcomes: 'r', ...passes, silentSuccesses: 1 },
    { outcomes: 'r', ...passes },
  ])
  expect(joined).not.toHaveProperty('silentSuccesses')
})
