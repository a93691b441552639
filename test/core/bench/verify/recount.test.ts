/** Every accuracy of a result is recounted, and a sample contains held examples. */
import { expect, test } from 'vitest'
import { recountResult } from '../../../../core/bench/verify/recount.ts'
import { sampleExamples } from '../../../../core/bench/verify/sample.ts'
import { manifoldResult } from '../../../reports/findings-fixture.ts'
import { typicalResult } from '../../../reports/fixture.ts'

test('the figures of fixtures hold', () => {
  for (const result of [typicalResult(), manifoldResult()]) {
    const { checked, differences } = recountResult(result)
    expect(differences).toEqual([])
    expect(checked).toBeGreaterThan(8)
  }
})

test('a changed figure is named', () => {
  const result = typicalResult()
  const [first, ...others] = result.entries
  const changed = { ...result, entries: [{ ...first!, worstCaseRobustAccuracy: 0.5 }, ...others] }
  expect(recountResult(changed).differences).toEqual([
    'defense "standard" (Linf 0.03137): worst case is 0.5 in the result, the outcomes give 0.0012',
  ])
})

test('half of a sample are held examples, as far as there are so many', () => {
  const outcomes = `${'b'.repeat(500)}${'r'.repeat(3)}${'w'.repeat(500)}`
  const marks = (sample: number): string =>
    [...sampleExamples(outcomes, sample, 7, 'x')].map((at) => outcomes[at]).join('')
  expect(marks(10)).toBe('bbbbbbbrrr')
  expect(marks(4)).toMatch(/^bb?rrr?$/)
  expect(sampleExamples(outcomes, 10, 7, 'x')).toEqual(sampleExamples(outcomes, 10, 7, 'x'))
  expect(sampleExamples(outcomes, 10, 8, 'x')).not.toEqual(sampleExamples(outcomes, 10, 7, 'x'))
  expect(sampleExamples('0101', 9, 7)).toHaveLength(4)
})
