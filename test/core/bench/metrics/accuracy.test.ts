/** The definitions of accuracy, against manual counts and identities. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  attackSuccessRate,
  brokenByOnlyOne,
  cleanAccuracy,
  countOutcomes,
  robustAccuracy,
  worstCaseOutcomes,
  worstCaseRobustAccuracy,
} from '../../../../core/bench/metrics/accuracy.ts'

/** Several attacks on the same examples. Misclassified ones are the same in all of them. */
const attacks = fc
  .tuple(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 4 }))
  .chain(([correct, count]) =>
    fc.tuple(
      ...Array.from({ length: count }, () =>
        fc.tuple(...correct.map((is) => (is ? fc.constantFrom('r', 'b') : fc.constant('w')))),
      ),
    ),
  )
  .map((rows) => rows.map((row) => row.join('')))

describe('accuracies of one attack', () => {
  test('robust accuracy counts over all examples, success rate over the initially correct', () => {
    const outcomes = 'wwrrrrbbbb'
    expect(countOutcomes(outcomes)).toEqual({ wrong: 2, robust: 4, broken: 4, total: 10 })
    expect(robustAccuracy(outcomes)).toBe(0.4)
    expect(attackSuccessRate(outcomes)).toBe(0.5)
    expect(cleanAccuracy('0011111111')).toBe(0.8)
  })

  test('the success rate is undefined if no example was correct', () => {
    expect(attackSuccessRate('www')).toBeUndefined()
    expect(robustAccuracy('www')).toBe(0)
  })

  test('clean accuracy = robust accuracy + success rate × clean accuracy', () => {
    fc.assert(
      fc.property(attacks, ([outcomes = '']) => {
        const clean = cleanAccuracy(outcomes.replaceAll(/[rb]/g, '1').replaceAll('w', '0'))
        const broken = (attackSuccessRate(outcomes) ?? 0) * clean
        expect(robustAccuracy(outcomes) + broken).toBeCloseTo(clean, 12)
      }),
    )
  })
})

describe('the worst case', () => {
  test('an example is broken if any attack broke it', () => {
    expect(worstCaseOutcomes(['wrrb', 'wrbr'])).toBe('wrbb')
    expect(worstCaseRobustAccuracy(['wrrb', 'wrbr'])).toBe(0.25)
  })

  test('there is no worst case without attacks', () => {
    expect(worstCaseRobustAccuracy([])).toBeUndefined()
  })

  test('it is at most the weakest robust accuracy, whatever the order of the attacks', () => {
    fc.assert(
      fc.property(attacks, (all) => {
        const worst = worstCaseRobustAccuracy(all) ?? Number.NaN
        expect(worst).toBeLessThanOrEqual(Math.min(...all.map(robustAccuracy)))
        expect(worstCaseRobustAccuracy(all.toReversed())).toBe(worst)
      }),
    )
  })

  test('removing an attack raises it by what only this attack broke', () => {
    fc.assert(
      fc.property(attacks, (all) => {
        fc.pre(all.length > 1)
        const robust = (list: string[]) => countOutcomes(worstCaseOutcomes(list) ?? '').robust
        const alone = brokenByOnlyOne(all)
        for (const index of all.keys()) {
          expect(robust(all.toSpliced(index, 1)) - robust(all)).toBe(alone[index])
        }
      }),
    )
  })
})

describe('damaged outcomes', () => {
  test('an unknown character is reported with its index', () => {
    expect(() => robustAccuracy('wrx')).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: outcomes: expected "w", "r" or "b" for example 2, got "x"; the result file is damaged]`,
    )
    expect(() => cleanAccuracy('012')).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: clean outcomes: expected "0" or "1" for example 2, got "2"; the result file is damaged]`,
    )
  })

  test('zero examples are rejected', () => {
    expect(() => cleanAccuracy('')).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: outcomes: expected one character per example, got none; the accuracy over zero examples is undefined]`,
    )
  })

  test('attacks on different examples are rejected', () => {
    expect(() => worstCaseOutcomes(['wr', 'wrr'])).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: outcomes of attack 1: expected 2 examples as in attack 0, got 3; all attacks of an entry must run on the same examples]`,
    )
    expect(() => worstCaseOutcomes(['wr', 'rr'])).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: outcomes of attack 1: example 0 is "r" but "w" in attack 0; an example is misclassified without attack in all outcomes or in none]`,
    )
  })
})
