/** Stages, curves, and corruptions in the reports. */
import { describe, expect, test } from 'vitest'
import { checkResult } from '../../core/bench/result/read-result.ts'
import { writeHtmlReport } from '../../reports/html.ts'
import { writeJsonReport } from '../../reports/json.ts'
import { summarize } from '../../reports/summary.ts'
import { formatTable } from '../../reports/text.ts'
import { complete, fgsm, makeResult, typicalResult } from './fixture.ts'
import {
  corruptions,
  curved,
  entryWith,
  manifoldResult,
  stochastic,
  threats,
} from './findings-fixture.ts'

const result = manifoldResult()
const html = writeHtmlReport(result)
const text = formatTable(result, { color: false })

test('the fixture is a valid result', () => {
  expect(checkResult(JSON.parse(JSON.stringify(result)), 'result.json')).toEqual(result)
})

test('draws of a stochastic model are in both reports, with a note', () => {
  const drawn = makeResult([entryWith((entry) => [stochastic(entry)])])
  const figures =
    '10 draws: mean 38.00 % (37.05–38.96), majority 40.00 % (39.04–40.96), any 20.00 % (19.23–20.80)'
  expect(checkResult(drawn, 'result.json')).toEqual(drawn)
  const drawnText = formatTable(drawn, { color: false })
  expect(drawnText).toContain(`pgd-at × eot: ${figures}`)
  expect(drawnText).toContain('The model is stochastic, so each adversarial example is predicted')
  expect(writeHtmlReport(drawn)).toContain(`<td colspan="7" class="muted small">${figures}</td>`)
  expect(summarize(drawn).sections[0]!.entries[0]!.attacks[0]).toMatchObject({
    draws: { count: 10, any: { robustAccuracy: 0.2 } },
  })
  expect(text).not.toContain('stochastic')
  expect(html).not.toContain('stochastic')
})

describe('the HTML report', () => {
  test('has a collapsed table of stages below the attack', () => {
    expect(html).toContain('<summary>4 stages of autoattack</summary>')
    expect(html).toContain('<th scope="row">apgd-t</th><td class="number">39.80')
    expect(html).toContain(
      '>final prediction by robench</th><td class="number muted">–</td><td class="number">2',
    )
  })

  test('has one plot per entry with curves, with title, description, and medians', () => {
    expect(html.match(/<svg class="plot"/g)).toHaveLength(1)
    expect(html.match(/<svg class="plot".*?<\/svg>/s)![0].match(/<polyline/g)).toHaveLength(3)
    expect(html).toContain('Robust accuracy over epsilon</title>')
    expect(html).toContain('pgd: 57.89\u00a0% at 1/255, 48.58\u00a0% at 2/255')
    expect(html).toContain('ε in L∞')
    expect(html).toMatch(/fmn<\/th>\s*<td class="number">0\.0158/)
    expect(html).toMatch(/worst case<\/th>\s*<td class="number">2\/255 to 4\/255/)
  })

  test('has a matrix of 15 by 5 instead of 75 rows, regardless of the names of the attacks', () => {
    const [, , section] = summarize(result).sections
    expect(section).toMatchObject({ attackNames: [], corrupted: true })
    expect(html.match(/<td class="number shaded"/g)).toHaveLength(75)
    expect(html).not.toContain('noise of the day')
    expect(html).toMatch(/mean of all 15<\/th>.*?<td class="number mean">64\.00/s)
    expect(html).toContain('Worst case over corruptions')
    expect(html).toContain('Frost is procedural and does not use the photographs of CIFAR-10-C.')
  })

  test('describes the transform of the attacker', () => {
    expect(html).toContain('L∞ ≤ 2/255 + attributes (rotation ±10°, scale 0.9 to 1.1)')
    expect(html).toContain('first change natural attributes of an image')
  })

  test('shows a failed corruption in its cell', () => {
    const error = { code: 'ROBENCH_TIMEOUT', name: 'RunError', message: 'too slow' } as const
    const entry = entryWith(
      (bare) =>
        corruptions(bare, ['snow']).map((attack, i) =>
          i === 2 ? { state: 'failed', attack: attack.attack, seed: 0, error } : attack,
        ),
      { threatModel: threats.corruption },
    )
    const failed = makeResult([entry])
    expect(writeHtmlReport(failed)).toContain('<td class="number failed">failed</td>')
    expect(formatTable(failed, { color: false })).toMatch(/snow +77\.00 +74\.00 +failed/)
  })

  test('has unique ids, and escapes hostile names', () => {
    const name = '"><script>alert(1)</script>'
    const entry = entryWith((bare) =>
      curved(bare).map((attack) => ({
        ...attack,
        attack: { ...attack.attack, name },
        stages: [{ name, outcomes: attack.outcomes, robustAccuracy: attack.robustAccuracy }],
      })),
    )
    const corrupted = entryWith((bare) => corruptions(bare, [name]), {
      threatModel: threats.corruption,
    })
    const page = writeHtmlReport(makeResult([entry, corrupted]))
    expect(page).not.toContain('<script')
    for (const each of [page, html]) {
      const ids = [...each.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id)
      expect(new Set(ids).size).toBe(ids.length)
      for (const [, target] of each.matchAll(/aria-(?:labelledby|describedby)="([^"]*)"/g)) {
        expect(ids).toContain(target)
      }
    }
  })

  test('has no plot, stages, or matrix without such results', () => {
    const page = writeHtmlReport(typicalResult())
    expect(page).not.toMatch(/<svg class="plot"|class="stages"|class="matrix"/)
  })
})

describe('the terminal', () => {
  test('has a line for each curve', () => {
    expect(text).toContain(
      '  pgd-at × pgd: 1/255 57.89, 2/255 48.58, 4/255 35.48, 8/255 16.94, 12/255 10.87 %; ' +
        'median 2/255 to 4/255\n',
    )
  })

  test('has a line for each of 15 corruptions, not for each of 75 attacks', () => {
    expect(text).toMatch(/gaussian-noise +77\.00 +74\.00 +71\.00 +68\.00 +65\.00 +71\.00\n/)
    expect(text).toMatch(/mean of 14 without frost .* 64\.07\n/)
    expect(text).toContain('Worst case: correct on the original image and under every corruption.')
    expect(text).not.toContain('noise of the day')
  })

  test('has no corruptions or curves without such results', () => {
    expect(formatTable(typicalResult(), { color: false })).not.toMatch(/orrupt|median/)
  })

  test('one entry may have corruptions and another not', () => {
    const threatModel = threats.corruption
    const mixed = makeResult([
      entryWith((entry) => corruptions(entry, ['fog']), { threatModel }),
      entryWith(
        ({ cleanOutcomes }) => [
          complete(fgsm, cleanOutcomes.replaceAll('0', 'w').replaceAll('1', 'r')),
        ],
        { threatModel },
      ),
    ])
    expect(formatTable(mixed, { color: false })).toMatch(/pgd-at +80\.00 % +–/)
    expect(writeHtmlReport(mixed)).toContain('<span class="muted">–</span>')
  })
})

test('the JSON report has counts and curves, but no outcomes', () => {
  const json = writeJsonReport(result)
  const { entries } = JSON.parse(json)
  expect(entries[0].attacks[0].stages.foundByHost).toBe(2)
  expect(entries[0].attacks[1].curve.medianBreakingEpsilon).toEqual({ low: 2 / 255, high: 4 / 255 })
  expect(entries[0].worstCaseCurve.points).toHaveLength(5)
  expect(entries[2].corruptions[0].means[0].overall).toBeCloseTo(0.64, 10)
  expect(json).not.toContain('utcomes')
})
