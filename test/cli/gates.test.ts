/** Gates name what they miss. */
import { expect, test } from 'vitest'
import { missedGates } from '../../cli/gates.ts'
import { checkedResult, typicalResult } from '../reports/fixture.ts'

test('a failed check and a check that was not made miss the gate', () => {
  const missed = missedGates(checkedResult(), { failOn: 'check' })
  expect(missed).toHaveLength(2)
  expect(missed[0]).toMatch(
    /^defense "logits × 1000" \(Linf 0\.03137\): check gradient-cross-entropy/,
  )
  const [entry] = checkedResult().entries
  const skipped = { ...entry!.checks![0]!, verdict: 'not-made' as const, evidence: 'skipped' }
  const result = { ...checkedResult(), entries: [{ ...entry!, checks: [skipped] }] }
  expect(missedGates(result, { failOn: 'check' })).toEqual([
    'defense "standard" (Linf 0.03137): check gradient-available was not made: skipped',
  ])
  expect(missedGates(checkedResult(), {})).toEqual([])
})

test('a worst case below the gate is named with both numbers', () => {
  expect(missedGates(typicalResult(), { failBelow: 0.3 })).toEqual([
    'defense "standard" (Linf 0.03137): worst case 0.12 %, below 30.00 %',
  ])
  expect(missedGates(typicalResult(), { failBelow: 0.001 })).toEqual([])
})
