/** Entries that `leaderboard add --replace` overwrites leave a record, which nothing else can enter. */
import { describe, expect, test } from 'vitest'
import { checkHistory, extendHistory } from '../../leaderboard/entry-history.ts'
import type { EntryHistory } from '../../leaderboard/entry-history.ts'
import { entryLocation } from '../../leaderboard/entry.ts'
import { hashEntry } from '../../leaderboard/entry-check.ts'
import { siteEnvironment } from '../../leaderboard/pages/environment.ts'
import { renderEntries } from '../../leaderboard/pages/entry-pages.ts'
import { rankTables } from '../../leaderboard/ranking.ts'
import { board } from './fixture.ts'

const [entry] = board()
const before = { ...entry!, title: 'An <b>earlier</b> title' }
const first = { ...entry!, title: 'The first title' }
const history = extendHistory(before, first, undefined)!
const both = extendHistory(entry!, before, history)!

test('each replaced entry is kept, the latest first; the same entry again changes nothing', () => {
  expect(both.earlier.map(({ title }) => title)).toEqual([
    'An <b>earlier</b> title',
    'The first title',
  ])
  expect(both.earlier[0]).toEqual({
    entry: hashEntry(before),
    title: before.title,
    finishedAt: entry!.run.finishedAt,
    robenchVersion: entry!.run.robenchVersion,
    defenseVersion: entry!.defense.version,
    model: entry!.model.sha256,
    examples: entry!.dataset.examples,
    correct: entry!.clean.correct,
    robust: entry!.worstCase.robust,
  })
  expect(extendHistory(entry!, entry!, history)).toBe(history)
  expect(checkHistory(structuredClone(both), entry!, 'e.history.json')).toEqual(both)
})

test('the page of the entry lists its earlier states', () => {
  const location = entryLocation(entry!)
  const pageWith = (histories: ReadonlyMap<string, EntryHistory>): string => {
    const input = { tables: rankTables([entry!]), examples: new Map(), histories, address: '' }
    const files = renderEntries(siteEnvironment({ isPrivate: false }), input)
    return String(files.get(`entries/${location}.html`))
  }
  const page = pageWith(new Map([[location, both]]))
  expect(page).toContain('<h2 id="earlier-title">History</h2>')
  expect(page).toContain('An &lt;b&gt;earlier&lt;/b&gt; title')
  expect(page).toContain(hashEntry(first).slice(0, 12))
  expect(pageWith(new Map())).not.toContain('History')
})

describe('a history that the entry cannot have is refused', () => {
  const [latest] = both.earlier
  test.for([
    [
      'more robust than correct examples',
      { robust: latest!.correct + 1 },
      'robust ≤ correct ≤ examples',
    ],
    ['another number of examples', { examples: 99_999 }, '/earlier/0/examples: must be'],
    [
      'the future',
      { finishedAt: '2999-01-01T00:00:00.000Z' },
      '/earlier/0/finishedAt: must be a time in',
    ],
    ['no time', { finishedAt: 'yesterday' }, '/earlier/0/finishedAt: must be a time in the past'],
    [
      'a time with words',
      { finishedAt: '2026-01-22 (verified)' },
      '/earlier/0/finishedAt: must be a time in the past',
    ],
    ['a robench to come', { robenchVersion: '7.0.0' }, '/earlier/0/robenchVersion: 7.0.0 is newer'],
    ['two alphabets', { title: '\u0410ttack' }, '/earlier/0/title: "\u0410t'],
    ['the entry itself', { entry: hashEntry(entry!) }, '/earlier/0/entry: is there twice'],
    ['a state twice', { entry: hashEntry(first) }, '/earlier/1/entry: is there twice'],
    ['a hidden character', { title: 'a\u202Eb' }, 'contains the hidden character U+202E'],
    ['another key', { link: 'https://example.org' }, '/earlier/0/link: unknown key'],
  ] as const)('%s', ([, change, message]) => {
    const forged = { ...both, earlier: [{ ...latest!, ...change }, both.earlier[1]!] }
    expect(() => checkHistory(forged, entry!, 'e.history.json')).toThrow(message)
  })
})
