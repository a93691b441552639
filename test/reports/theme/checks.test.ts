/** Checks in the reports: raised ones first with advice, passed ones collapsed. */
import { describe, expect, test } from 'vitest'
import { summarizeChecks } from '../../../reports/theme/checks.ts'
import { writeHtmlReport } from '../../../reports/html.ts'
import { writeJsonReport } from '../../../reports/json.ts'
import { formatTable } from '../../../reports/text.ts'
import { checkResult } from '../../../core/bench/result/read-result.ts'
import { checkedResult, makeResult, typicalResult } from '../fixture.ts'

const result = checkedResult()
const [sound, doubtful] = result.entries

describe('the summary', () => {
  test('has the failed checks first, with their documentation', () => {
    const { verdict, text, raised, passed, notApplicable } = summarizeChecks(doubtful!.checks!)
    expect(verdict).toBe('fail')
    expect(text).toBe('2 of 4 checks failed, 1 warning, 1 not applicable')
    expect(raised.map(({ id }) => id)).toEqual([
      'gradient-cross-entropy',
      'losses-agree',
      'logit-scale',
    ])
    expect(raised[0]!.whatToDo).toContain('margin')
    expect([passed.length, notApplicable.length]).toEqual([1, 1])
  })

  test('states that there are no warnings', () => {
    expect(summarizeChecks(sound!.checks!)).toMatchObject({
      verdict: 'pass',
      text: 'no warnings from 2 checks, 1 not applicable',
    })
  })

  test('shows a check that this version does not know', () => {
    const check = { ...doubtful!.checks![0]!, id: 'of-tomorrow' }
    expect(summarizeChecks([check]).raised).toEqual([{ ...check, meaning: '', whatToDo: '' }])
    const html = writeHtmlReport(makeResult([{ ...doubtful!, checks: [check] }]))
    expect(html).toContain('of-tomorrow')
  })
})

describe('the HTML report', () => {
  const html = writeHtmlReport(result)

  test('marks the entry in the table, with the evidence and advice', () => {
    expect(html.match(/>unreliable</g)).toHaveLength(2)
    expect(html).toContain('57 of 64 examples have a zero gradient of cross-entropy.')
    expect(html).toContain('What to do')
    expect(html.match(/>no warnings</g)).toHaveLength(1)
  })

  test('collapses passed checks', () => {
    expect(html).toMatch(/<details>\s*<summary>1 check passed<\/summary>/)
  })

  test('has no panel without checks', () => {
    expect(writeHtmlReport(typicalResult())).not.toContain('>Reliability checks<')
  })

  test('escapes hostile evidence', () => {
    const check = { ...doubtful!.checks![0]!, evidence: '<script>alert(1)</script>' }
    const hostile = writeHtmlReport(makeResult([{ ...doubtful!, checks: [check] }]))
    expect(hostile).not.toContain('<script>')
  })
})

test('the text report shows raised checks only', () => {
  const text = formatTable(result, { color: false })
  expect(text).toContain(
    'logits × 1000: unreliable; 2 of 4 checks failed, 1 warning, 1 not applicable (see docs/checks.md)\n' +
      '  fail  gradient-cross-entropy: 57 of 64 examples have a zero gradient of cross-entropy\n',
  )
  expect(text).not.toContain('standard:')
  expect(formatTable(makeResult([sound!]), { color: false })).not.toContain('check')
})

test('the JSON report has verdict and checks', () => {
  const { entries } = JSON.parse(writeJsonReport(result))
  expect(entries[1].checks.verdict).toBe('fail')
  expect(entries[1].checks.raised).toHaveLength(3)
})

test('a result with checks is accepted, one with an unknown verdict is rejected', () => {
  expect(checkResult(JSON.parse(JSON.stringify(result)), 'result.json')).toEqual(result)
  const changed = JSON.parse(JSON.stringify(result))
  changed.entries[1].checks[0].verdict = 'maybe'
  expect(() => checkResult(changed, 'result.json')).toThrow(
    'result.json#/entries/1/checks/0/verdict: must be one of',
  )
})
