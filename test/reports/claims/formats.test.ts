/** The claims table in the terminal, in Markdown, and as JSON. */
import { expect, test } from 'vitest'
import { paperClaims } from '../../../reports/claims/claims.ts'
import { evaluateClaims } from '../../../reports/claims/evaluate.ts'
import { claimFormats } from '../../../reports/claims/index.ts'
import { atOptions, attackOf, datOptions, entryOf, pgd20, resultOf, window } from './fixture.ts'

const trained = (seed: number, plugin: 'dat' | 'pgd-at', robust: number) => {
  const options = plugin === 'dat' ? { ...datOptions, epochs: 20 } : { ...atOptions, epochs: 30 }
  const defense = { plugin, options, name: `${plugin}-${seed}`, training: { seed } }
  return entryOf(defense, [pgd20(window(robust))])
}
const result = resultOf(
  trained(0, 'dat', 60),
  trained(0, 'pgd-at', 50),
  trained(1, 'dat', 58),
  trained(1, 'pgd-at', 52),
)
const claims = paperClaims.filter(({ id }) => id.startsWith('dat-over'))
const evaluated = evaluateClaims(claims, [result])

test('the terminal table has the figures of a claim, then the claims that are not tested', () => {
  expect(claimFormats.text(evaluated)).toMatchInlineSnapshot(`
    "CIFAR-10 · L∞ ≤ 8/255 · 100 of 10,000 examples

    Claim                Robust accuracy   Difference        Verdict
    ────────────────────────────────────────────────────────────────────────
    DAT is more robust   DAT:              +10.00            reproduced at
    than PGD-AT under      60.00           +6.00             this scale
    PGD-20. (Li et al.     58.00           mean +8.00
    2024, table 1)         mean 59.00 %    [+5.52, +17.44]
                         PGD-AT:           p = 0.002
                           50.00
                           52.00
                           mean 51.00 %
                         (PGD-20)

    Not tested
      DAT is more robust than PGD-AT under AutoAttack. (Li et al. 2024, table 1)
        not tested: DAT was not attacked by autoattack with version = standard or
        plus
      DAT is more robust than TRADES under PGD-20. (Li et al. 2024, table 1)
        not tested: no result has a row of trades
      DAT is more robust than TRADES under AutoAttack. (Li et al. 2024, table 1)
        not tested: no result has a row of trades

    Differences are in points of robust accuracy, with the 95 % score interval of
    Tango and the exact p of McNemar's test on the same examples. A claim is
    reproduced at this scale if p is below 0.05 and the interval is above zero, not
    reproduced if p is below 0.05 and the interval is below zero, and otherwise too
    close to tell. With several trainings, the interval and p are those of the
    first, and all differences must have the same sign. p is not adjusted for the
    number of claims. Where reliability checks of a model failed, its robust
    accuracy may be overstated, and the verdict with it.

    1 comparison: 1 reproduced at this scale, 0 not reproduced, 0 too close to tell.
    3 claims not tested.
    "
  `)
})

test('no line of the terminal table is longer than 80 characters', () => {
  const threatModel = {
    norm: 'Linf',
    epsilon: 2 / 255,
    bounds: [0, 1],
    transform: { kind: 'attribute', ranges: { rotation: [-10, 10], brightness: [-0.05, 0.05] } },
  } as const
  const attacks = [
    attackOf('pgd', window(100)),
    attackOf('spatial', window(50)),
    attackOf('spa', window(0)),
  ]
  const rows = (['standard', 'pgd-at'] as const).map((plugin) =>
    entryOf({ plugin, options: atOptions }, attacks, { threatModel }),
  )
  const all = evaluateClaims(paperClaims, [result, resultOf(...rows)])
  expect(all.flatMap(({ comparisons }) => comparisons)).toHaveLength(5)
  const lines = claimFormats.text(all).split('\n')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('the Markdown table has a row per claim, and states what was compared', () => {
  expect(claimFormats.markdown(evaluated)).toMatchInlineSnapshot(`
    "| Claim | Source | Comparison | Robust accuracy | Difference, 95% interval, p | Verdict |
    | --- | --- | --- | --- | --- | --- |
    | DAT is more robust than PGD-AT under PGD-20. | [Li et al. 2024, table 1](https://arxiv.org/abs/2410.12307) | DAT and PGD-AT, under PGD-20; CIFAR-10, L∞ ≤ 8/255, n = 100 | 60.00, 58.00, mean 59.00 % and 50.00, 52.00, mean 51.00 % | +10.00, +6.00, mean +8.00, [+5.52, +17.44], p = 0.002 | **reproduced at this scale** |
    | DAT is more robust than PGD-AT under AutoAttack. | [Li et al. 2024, table 1](https://arxiv.org/abs/2410.12307) | DAT and PGD-AT, under AutoAttack | – | – | not tested: DAT was not attacked by autoattack with version = standard or plus |
    | DAT is more robust than TRADES under PGD-20. | [Li et al. 2024, table 1](https://arxiv.org/abs/2410.12307) | DAT and TRADES, under PGD-20 | – | – | not tested: no result has a row of trades |
    | DAT is more robust than TRADES under AutoAttack. | [Li et al. 2024, table 1](https://arxiv.org/abs/2410.12307) | DAT and TRADES, under AutoAttack | – | – | not tested: no result has a row of trades |

    1 comparison: 1 reproduced at this scale, 0 not reproduced, 0 too close to tell. 3 claims not tested.

    Differences are in points of robust accuracy, with the 95 % score interval of Tango and the exact p of McNemar's test on the same examples. A claim is reproduced at this scale if p is below 0.05 and the interval is above zero, not reproduced if p is below 0.05 and the interval is below zero, and otherwise too close to tell. With several trainings, the interval and p are those of the first, and all differences must have the same sign. p is not adjusted for the number of claims. Where reliability checks of a model failed, its robust accuracy may be overstated, and the verdict with it.

    - \`dat-over-pgd-at-pgd-20\`: dat, row "dat-0", under pgd (steps 20); against pgd-at, row "pgd-at-0", under pgd (steps 20); 10 robust on the first side only, 0 on the second only; epochs 20 and 30
    "
  `)
})

test('failed checks of a compared row stand beside the verdict', () => {
  const check = { title: 'A check', value: 1, threshold: 0, evidence: 'seen' }
  const checks = [
    { ...check, id: 'search-weaker', verdict: 'fail' },
    { ...check, id: 'surrogate-weaker', verdict: 'fail' },
    { ...check, id: 'logit-scale', verdict: 'warn' },
  ] as const
  const suspect = resultOf(
    entryOf({ plugin: 'dat', options: datOptions }, [pgd20(window(60))]),
    entryOf({ plugin: 'pgd-at', options: atOptions }, [pgd20(window(50))], { checks }),
  )
  const found = evaluateClaims(claims.slice(0, 1), [suspect])
  expect(claimFormats.markdown(found)).toContain(
    '| **reproduced at this scale**; checks of PGD-AT failed: search-weaker, surrogate-weaker |',
  )
  expect(claimFormats.text(found)).toContain('search-weaker,')
  expect(claimFormats.text(evaluated)).not.toContain('search-weaker')
})

test('names from results cannot break the Markdown table', () => {
  const hostile = resultOf(
    entryOf({ plugin: 'dat', options: datOptions, name: 'a|b\n<i>' }, [pgd20(window(60))]),
    entryOf({ plugin: 'pgd-at', options: atOptions }, [pgd20(window(50))]),
  )
  const text = claimFormats.markdown(evaluateClaims(claims.slice(0, 1), [hostile]))
  expect(text).not.toContain('<i>')
  expect(text).not.toContain('a|b')
})

test('JSON has every figure', () => {
  const { claims: written } = JSON.parse(claimFormats.json(evaluated)) as {
    claims: unknown[]
  }
  expect(written[0]).toMatchObject({
    claim: { id: 'dat-over-pgd-at-pgd-20' },
    comparisons: [{ pairs: { onlyA: 10, onlyB: 0 }, verdict: 'reproduced at this scale' }],
  })
  expect(written[1]).toMatchObject({
    comparisons: [],
    notTested: 'DAT was not attacked by autoattack with version = standard or plus',
  })
})
