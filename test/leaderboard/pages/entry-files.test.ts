/** What the page of an entry shows and offers, computed from the entry. */
import { unzipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { parseArray } from '../../../core/bench/store/npz-file.ts'
import { checkSuite } from '../../../core/bench/suite/load.ts'
import type { LeaderboardEntry } from '../../../leaderboard/entry-type.ts'
import { bibtexOf } from '../../../leaderboard/pages/bibtex.ts'
import { entryCurves } from '../../../leaderboard/pages/entry-curves.ts'
import { csvText, outcomesNpz, suiteText } from '../../../leaderboard/pages/entry-downloads.ts'
import { attackOverlap } from '../../../leaderboard/pages/entry-overlap.ts'
import { renderMarkdown } from '../../../leaderboard/pages/markdown.ts'
import { trainingHistory } from '../../../leaderboard/pages/training-history.ts'
import { boardEntry } from '../fixture.ts'

const entry = boardEntry('mine', [9000, 5000, 3000], {}, { authors: ['A. Author', 'B, Jr.'] })

function arrayOf(files: Record<string, Uint8Array>, name: string): readonly number[] {
  return Array.from(parseArray(files[name]!, name).data, Number)
}

test('the suite of an entry is one that robench accepts, with the same hash', () => {
  const loaded = checkSuite(JSON.parse(suiteText(entry)), 'suite.json', '.')
  expect(loaded.sha256).toBe(entry.run.suite.sha256)
})

test('the archive has the outcomes that give the counts of the entry', () => {
  const files = unzipSync(outcomesNpz(entry))
  const clean = arrayOf(files, 'clean.npy')
  const worst = arrayOf(files, 'worst_case.npy')
  const outcomes = arrayOf(files, 'outcomes.npy')
  expect(clean.filter((one) => one === 1)).toHaveLength(9000)
  expect(worst.filter((code) => code === 1)).toHaveLength(entry.worstCase.robust)
  expect(outcomes).toHaveLength(20_000)
  expect(outcomes.slice(0, 10_000).filter((code) => code === 1)).toHaveLength(5000)
  expect(outcomes.slice(10_000).filter((code) => code === 2)).toHaveLength(6000)
  expect(outcomesNpz(entry)).toEqual(outcomesNpz(structuredClone(entry)))
})

test('a cell of the CSV file is no formula and ends no row', () => {
  const [first, ...others] = entry.attacks
  const named: LeaderboardEntry = {
    ...entry,
    attacks: [{ ...first!, name: '=1+1,"a"\nb' }, ...others],
  }
  const [head, clean, worst, attack] = csvText(named).split('\r\n')
  expect(head!.split(',')).toHaveLength(14)
  expect(clean).toMatch(/^clean,,,,1000,,,,0\.9,0\.89\d+,0\.90\d+,,,$/)
  expect(worst).toMatch(/^worst case,,,,,3000,,,0\.3,/)
  expect(attack).toMatch(/^"'=1\+1,""a""\nb",fgsm,1,0,1000,5000,4000,/)
})

test('each attack has what it broke, and what it alone broke', () => {
  const overlap = attackOverlap(entry)!
  expect(overlap.attacks.map(({ broken }) => broken.count)).toEqual([4000, 6000])
  expect(overlap.attacks.map(({ alone }) => alone.count)).toEqual(
    entry.attacks.map(({ brokenAlone }) => brokenAlone),
  )
  expect(overlap.byAny).toBe(9000 - entry.worstCase.robust)
  const alone = overlap.attacks.reduce((sum, one) => sum + one.alone.count, 0)
  expect(overlap.byAll + alone).toBe(overlap.byAny)
})

test('curves start at the clean accuracy, and the median is where half are broken', () => {
  const curve = { epsilons: [0.01, 0.02, 0.03], robust: [7000, 4500, 3000] }
  const [, worst] = entryCurves({
    ...entry,
    attacks: [{ ...entry.attacks[0]!, curve }],
    worstCase: { ...entry.worstCase, curve },
  })
  expect(worst!.name).toBe('worst case')
  expect(worst!.curve.line.map(({ robust }) => robust)).toEqual([0.9, 0.7, 0.45, 0.3])
  expect(worst!.curve.medianBreakingEpsilon).toEqual({ low: 0.01, high: 0.02 })
  expect(entryCurves(entry)).toEqual([])
})

describe('a training', () => {
  test('has a row per epoch, and lines for accuracies', () => {
    const history = trainingHistory({
      epochs: [
        { epoch: 1, loss: 2.3, accuracy: 0, elapsedMs: 5 },
        { epoch: 2, loss: 1.1, accuracy: 0.5, elapsedMs: 6 },
        { epoch: 3, loss: 0.9, accuracy: 1 },
      ],
    })
    expect(history?.columns).toEqual(['epoch', 'loss', 'accuracy', 'elapsedMs'])
    expect(history?.rows[2]).toEqual([3, 0.9, 1, undefined])
    expect(history?.chart?.lines).toEqual([{ name: 'accuracy', path: '40,178 275,94 510,10' }])
  })

  test.each([[undefined], [{}], [{ epochs: 12 }], [{ epochs: [] }], [{ epochs: ['a', {}] }]])(
    'has no history in the card %o',
    (card) => {
      expect(trainingHistory(card)).toBeUndefined()
    },
  )
})

test('a BibTeX record names the paper, or else the page', () => {
  expect(bibtexOf({ ...entry, links: { paper: 'https://arxiv.org/abs/1?a=%20}' } }, '')).toBe(
    '@misc{mine,\n  title = {{mine}},\n  author = {A. Author and {B, Jr.}},\n' +
      '  year = {2026},\n  url = {https://arxiv.org/abs/1?a=\\%20%7D}\n}\n',
  )
  expect(bibtexOf(entry, 'https://example.org/a.html')).toContain(
    'url = {https://example.org/a.html},\n  note = {Entry of the robench leaderboard on CIFAR-10}',
  )
  expect(bibtexOf({ ...entry, citation: '@article{a, title={b}}' }, '')).toBe(
    '@article{a, title={b}}\n',
  )
})

describe('Markdown', () => {
  const render = (text: string): string =>
    renderMarkdown(text, (target) => (target === 'a.md' ? 'a.html' : undefined)).html

  test('has links between pages, and only the text of links that lead elsewhere', () => {
    expect(render('[one](a.md), [`two`](b.txt)')).toBe(
      '<p><a href="a.html">one</a>, <code>two</code></p>\n',
    )
  })

  test('shows HTML as text, permits no scripts in links, and no inline styles', () => {
    expect(render('<script>a</script>')).toBe('<p>&lt;script&gt;a&lt;/script&gt;</p>\n')
    expect(render('[a](javascript:alert(1))')).not.toContain('href')
    expect(render('| a |\n| ---: |\n| 1 |')).toContain('<td class="number">1</td>')
  })

  test('has tables that a keyboard can scroll, and no heads without text', () => {
    expect(render('| | a |\n| --- | --- |\n| 1 | 2 |')).toBe(
      '<div class="scroll" tabindex="0" role="group" aria-label="Table">\n<table>\n<thead>\n' +
        '<tr>\n<td></td>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n' +
        '<td>2</td>\n</tr>\n</tbody>\n</table>\n</div>\n',
    )
  })

  test('gives headings the anchors of GitHub, numbered if they repeat', () => {
    const { title, headings } = renderMarkdown('# A\n## `b`, C!\n## `b`, C!', () => undefined)
    expect(title).toBe('A')
    expect(headings.map(({ anchor }) => anchor)).toEqual(['b-c', 'b-c-1'])
  })
})
