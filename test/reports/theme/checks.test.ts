/** Checks in the reports: what is raised stands first with what to do, what passed is folded away. */
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
    expect(text).toBe('2 of 5 checks failed, 1 warns')
    expect(raised.map(({ id }) => id)).toEqual([
      'gradient-cross-entropy',
      'losses-agree',
      'logit-scale',
    ])
    expect(raised[0]!.whatToDo).toContain('margin')
    expect([passed.length, notApplicable.length]).toEqual([1, 1])
  })

  test('says so where nothing is raised', () => {
    expect(summarizeChecks(sound!.checks!)).toMatchObject({
      verdict: 'pass',
      text: 'none of 3 checks raised',
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

  test('marks the entry in the table and says why and what to do', () => {
    expect(html.match(/not to be believed/g)).toHaveLength(2)
    expect(html).toContain('57 of 64 examples have a zero gradient of cross-entropy.')
    expect(html).toContain('What to do')
    expect(html).toContain('nothing speaks against it')
  })

  test('folds away what passed', () => {
    expect(html).toMatch(/<details>\s*<summary>1 check passed<\/summary>/)
  })

  test('has no panel where no checks were made', () => {
    expect(writeHtmlReport(typicalResult())).not.toContain('Can this number be believed?')
  })

  test('shows hostile evidence as text', () => {
    const check = { ...doubtful!.checks![0]!, evidence: '<script>alert(1)</script>' }
    const hostile = writeHtmlReport(makeResult([{ ...doubtful!, checks: [check] }]))
    expect(hostile).not.toContain('<script>')
  })
})

test('the terminal says which checks are raised, and nothing of the others', () => {
  const text = formatTable(result, { color: false })
  expect(text).toContain(
    'logits × 1000 is not to be believed: 2 of 5 checks failed, 1 warns (see docs/checks.md)\n' +
      '  fail  gradient-cross-entropy: 57 of 64 examples have a zero gradient of cross-entropy\n',
  )
  expect(text).not.toContain('standard is')
  expect(formatTable(makeResult([sound!]), { color: false })).not.toContain('check')
})

test('the JSON report has verdict and checks', () => {
  const { entries } = JSON.parse(writeJsonReport(result))
  expect(entries[1].checks.verdict).toBe('fail')
  expect(entries[1].checks.raised).toHaveLength(3)
})

test('a result with checks is read, one with an unknown verdict is refused', () => {
  expect(checkResult(JSON.parse(JSON.stringify(result)), 'result.json')).toEqual(result)
  const changed = JSON.parse(JSON.stringify(result))
  changed.entries[1].checks[0].verdict = 'maybe'
  expect(() => checkResult(changed, 'result.json')).toThrow('#/entries/1/checks/0/verdict')
})
