/** Stages are evidence: the host's own predictions decide. */
import { expect, test } from 'vitest'
import type { StagedResult } from '../../../core/plugin/contract.ts'
import { checkStages, outcomesByStage } from '../../../core/plugin/attack-stages.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'

const adversarial = float32([0], [])

function staged(stages: readonly string[], brokenBy: readonly number[]): StagedResult {
  return { adversarial, stages, brokenBy: Int32Array.from(brokenBy) }
}

test('the outcomes after each stage accumulate in the order of the stages', () => {
  // Rows 0 and 5 are misclassified without attack.
  const result = staged(['first', 'second'], [1, 0, -1, 0])
  const attacked = Int32Array.of(1, 2, 3, 4)
  expect(outcomesByStage(result, attacked, [...'wbbrbw'])).toEqual([
    { name: 'first', outcomes: 'wrbrbw' },
    { name: 'second', outcomes: 'wbbrbw' },
  ])
})

test('examples that only the attack or only the host finds broken count for no stage', () => {
  const result = staged(['only'], [0, -1])
  expect(outcomesByStage(result, Int32Array.of(0, 1), [...'rb'])).toEqual([
    { name: 'only', outcomes: 'rr' },
  ])
})

test('the form of stages is checked', () => {
  expect(checkStages(staged(['first', 'second'], [1, -1, 0]), 3)).toBeUndefined()
  expect(checkStages(staged(['first', 'first'], [0]), 1)).toMatchInlineSnapshot(
    `"expected stages to be a list of different names"`,
  )
  expect(checkStages(staged(['first'], [0, 0]), 1)).toMatchInlineSnapshot(
    `"expected brokenBy to be an Int32Array with a stage for each of 1 examples"`,
  )
  expect(checkStages(staged(['first'], [1]), 1)).toMatchInlineSnapshot(
    `"expected brokenBy to contain −1 or indices of the 1 stages, got 1 at 0"`,
  )
})
