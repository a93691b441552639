/** The text report. */
import { describe, expect, test } from 'vitest'
import { formatTable } from '../../reports/text.ts'
import { makeEntry, makeResult, troubledResult, typicalResult } from './fixture.ts'

describe('formatTable', () => {
  test('has a row per entry with clean accuracy, each attack, and worst case', () => {
    expect(formatTable(typicalResult(), { color: false })).toMatchInlineSnapshot(`
      "CIFAR-10 · L∞ ≤ 8/255 · 10,000 examples

      Defense          Clean          fgsm        pgd-20    Worst case
      ──────────────────────────────────────────────────────────────────
      standard       83.12 %        4.10 %        0.12 %        0.12 %
                 82.37–83.84     3.73–4.51     0.07–0.21     0.07–0.21

      pgd-at         69.25 %       44.88 %       39.61 %       39.61 %
                 68.34–70.15   43.91–45.86   38.66–40.57   38.66–40.57

      Percentages of all examples, with 95 % Wilson intervals.
      "
    `)
  })

  test('shows failures with code and message, and why entries are not rankable', () => {
    expect(formatTable(troubledResult(), { color: false })).toMatchInlineSnapshot(`
      "Quickstart shapes · L∞ ≤ 8/255 · 200 of 1,000 examples  toy data: not evidence of real robustness

      Defense              Clean          fgsm      pgd-20    Worst case
      ────────────────────────────────────────────────────────────────────
      standard           94.50 %       10.50 %      1.50 %        1.50 %
                     90.42–96.90    6.97–15.52   0.51–4.32     0.51–4.32

      slow-defense       82.00 %       48.50 %      failed     ≤ 48.50 %
                     76.09–86.71   41.67–55.39               41.67–55.39

      Not rankable: only 200 of 1,000 examples (--limit)
      Not rankable: Quickstart shapes is toy data
      Not rankable (slow-defense): the attack pgd-20 failed

      Percentages of all examples, with 95 % Wilson intervals.

      1 defense could not be evaluated, 1 of 4 attacks failed
        not-onnx (L∞ ≤ 8/255): ROBENCH_MODEL_FILE
          models/not-onnx.onnx: expected an ONNX model, got text; check the path
        slow-defense × pgd-20 (L∞ ≤ 8/255): ROBENCH_TIMEOUT
          cell slow-defense × pgd-20: expected to finish within 600 s, took longer; raise timeLimitMs in the suite or lower steps
      "
    `)
  })

  test('fits into 80 columns with two attacks', () => {
    const lines = formatTable(typicalResult(), { color: false }).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBe(66)
  })

  test('writes no escape sequences without color, including those in names', () => {
    const entry = makeEntry('evil\u001b[2J\nname', {
      clean: 9,
      robust: { fgsm: 5, 'pgd-20': undefined },
    })
    const text = formatTable(makeResult([entry]), { color: false })
    expect(text).not.toContain('\u001b')
    expect(text).toContain('evil [2J name')
    expect(formatTable(makeResult([entry]), { color: true })).toContain('\u001b[')
  })

  test('an entry without a completed attack has no worst case', () => {
    const entry = makeEntry('none', { clean: 9000, robust: {} })
    expect(formatTable(makeResult([entry]), { color: false })).toMatch(/failed +failed +–/)
  })
})
