/** The site is complete, self-contained, and escaped; builds do not touch foreign files. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rowScript } from '../../leaderboard/board-data.ts'
import type { BoardData } from '../../leaderboard/board-data.ts'
import { buildSite, renderSite, renderWholeSite } from '../../leaderboard/build.ts'
import { entryLocation } from '../../leaderboard/entry.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { corruptions, entryWith, manifoldResult, threats } from '../reports/findings-fixture.ts'
import { board, boardEntry, uncheckedEntry } from './fixture.ts'
import { manyEntries } from './many-entries.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'robench-site-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function writeEntries(entries: readonly LeaderboardEntry[]): string {
  const entriesFolder = join(folder, 'entries')
  for (const entry of entries) {
    const file = join(entriesFolder, `${entryLocation(entry)}.json`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(entry))
  }
  return entriesFolder
}

describe('renderSite', () => {
  const files = renderSite(board())
  const pages = [...files].filter(([path]) => path.endsWith('.html'))

  test('has the board and its assets', () => {
    expect(pages).toHaveLength(1)
    expect([...files.keys()].filter((path) => path.startsWith('assets/'))).toEqual([
      'assets/narrow.css',
      'assets/pages.css',
      'assets/rows.js',
      'assets/site.css',
      'assets/site.js',
      'assets/checks.css',
      'assets/findings.css',
      'assets/layout.css',
      'assets/theme.css',
    ])
  })

  test('loads nothing from another host', () => {
    for (const [, html] of pages) {
      expect(html).not.toMatch(/<(?:script|img|link|iframe)[^>]*(?:src|href)="(?:https?:)?\/\//i)
    }
    for (const [path, text] of files) {
      if (path.startsWith('assets/'))
        expect(text).not.toMatch(/https?:|@import|url\(|fetch\(|import\(/)
    }
  })

  test('the data of a table has the rows of its pages', () => {
    const all = renderSite(manyEntries(51))
    const taken: { anchor: string; table: BoardData }[] = []
    runInNewContext(all.get('tables/cifar10-linf-8-255.js')!, {
      robenchTable: (anchor: string, table: BoardData) => taken.push({ anchor, table }),
    })
    const [{ anchor, table }] = taken as [(typeof taken)[number]]
    expect(anchor).toBe('cifar10-linf-8-255')
    expect(table.rows).toHaveLength(51)
    const script = rowScript()
    const rowsOf = (path: string): string =>
      /<tbody role="rowgroup">\n(.*?)\n<\/tbody>/s.exec(all.get(path)!)![1]!
    const htmlOf = (root: string, start: number, end: number): string =>
      table.rows
        .slice(start, end)
        .map((row) => script.rowHtml(table, row, root))
        .join('\n')
    expect(rowsOf('index.html')).toBe(htmlOf('', 0, 50))
    expect(rowsOf('tables/cifar10-linf-8-255/2.html')).toBe(htmlOf('../../', 50, 51))
    expect(all.has('tables/cifar10-linf-8-255/3.html')).toBe(false)
    // The filter reads what the row shows.
    expect(script.rowText(table, table.rows[0]!)).toMatch(
      /^cifar10\/linf-8-255\/model-\d{4} 1 model \d+: adversarial training with .* a\. author \d+, b\. writer \d+ /,
    )
  })

  test('rows show checks with their reason, links, and further entries of the model', () => {
    const one = boardEntry(
      'one',
      [9000, 5000, 3000],
      {},
      { paper: 'https://example.org/p', venue: 'ICLR' },
    )
    const warned = one.checks.map((check) =>
      check.id === 'white-box-run'
        ? { ...check, verdict: 'warn' as const, evidence: 'only one step' }
        : check,
    )
    const two = { ...one, id: 'two', title: 'Second run', checks: warned }
    const index = renderSite([one, two]).get('index.html')!
    expect(index.match(/<tr role="row"><td/g)).toHaveLength(1)
    expect(index).toContain('1 model of 2 entries')
    expect(index).toMatch(
      /<span class="mark mark-warn" title="([^"]+)" aria-hidden="true">!<\/span><span class="mark-text">\1<\/span>/,
    )
    expect(index).toMatch(
      /title="1 warning from \d+ checks, \d+ not applicable; [^"]*: only one step"/,
    )
    expect(index).toContain('<a href="https://example.org/p">paper<')
    expect(index).toContain('<a href="entries/cifar10/linf-8-255/two.html">also: Second run</a>')
  })

  test('every page has a policy, and a private board says what it is', () => {
    for (const [, html] of pages) {
      expect(html).toContain(`content="default-src 'none'; script-src 'self'; style-src 'self'`)
      expect(html).not.toContain('Private board')
    }
    const own = renderSite([boardEntry('a', [9000, 5000, 3000])], new Set(), { isPrivate: true })
    for (const [path, html] of own) {
      if (!path.endsWith('.html')) continue
      expect(html).toContain('<strong>Private board.</strong>')
      expect(html).toContain('<meta name="robots" content="noindex">')
    }
  })

  test('output does not depend on the order of the entries', () => {
    expect([...renderSite(board().toReversed())]).toEqual([...files])
  })

  test('without entries the page says so', () => {
    expect(renderSite([]).get('index.html')).toContain('No entries yet')
  })

  test('hostile text is escaped, including in attributes, and unsafe links are omitted', () => {
    const attack = `"'><script>alert(1)</script><img src=x onerror="alert(1)">{{ 7 * 7 }}`
    const entry = boardEntry('a', [9000, 5000, 3000])
    const hostile: LeaderboardEntry = {
      ...entry,
      title: attack,
      authors: [attack],
      dataset: { ...entry.dataset, title: attack },
      defense: { name: attack, plugin: attack, version: 1, options: { [attack]: attack } },
      attacks: entry.attacks.map((one) => ({ ...one, name: attack, plugin: attack })),
      links: { paper: 'javascript:alert(1)', code: ' data:text/html,x', more: '//evil.example' },
      run: { ...entry.run, command: attack, environment: { [attack]: attack } },
      training: { [attack]: [attack] },
    }
    for (const [path, html] of renderSite([hostile, { ...hostile, id: 'b' }])) {
      if (!path.endsWith('.html')) continue
      expect(html).not.toMatch(/<script>|<img/i)
      expect(html).not.toMatch(/javascript:|data:text|evil\.example/)
      expect(html).not.toContain('49</')
      // Quotes in values are entities, so this removes whole tags.
      expect(html.replaceAll(/<[a-z][^<>]*>/gi, '')).not.toContain('onerror="')
    }
  })
})

describe('renderSite with transforms', () => {
  const result = manifoldResult()
  const few = entryWith((entry) => corruptions(entry, ['fog', 'spatter']), {
    threatModel: threats.corruption,
  })
  const unlike = uncheckedEntry(few)
  const entries = [
    ...result.entries.map((entry) => uncheckedEntry(entry)),
    { ...unlike, id: 'few', model: { ...unlike.model, sha256: '0'.repeat(64) } },
  ]
  const files = renderSite(entries)
  const index = files.get('index.html')!

  test('plain balls come first, and tables are named by the transform', () => {
    const badges = [...index.matchAll(/class="badge badge-long">([^<]*)</g)].map(([, text]) => text)
    expect(badges).toEqual([
      'L∞ ≤ 8/255',
      'common corruptions',
      'L∞ ≤ 2/255 + attributes (rotation ±10°, scale 0.9 to 1.1)',
    ])
  })

  test('75 corruptions are one column of the table', () => {
    expect(index).not.toContain('noise of the day')
    expect(index).toMatch(/data-label="Corrupted images"><span[^>]*>6[34]\.\d\d\u00A0%/)
  })
})

describe('buildSite', () => {
  test('writes the files, and removes those of a deleted entry', async () => {
    const outFolder = join(folder, 'site')
    const entriesFolder = writeEntries(board())
    const built = await buildSite({ entriesFolder, outFolder })
    expect(built).toMatchObject({ entries: 9, tables: 2 })
    const page = join(outFolder, 'entries/cifar10/linf-8-255/smooth.html')
    for (const path of built.files) expect(existsSync(join(outFolder, path)), path).toBe(true)
    rmSync(join(entriesFolder, 'cifar10/linf-8-255/smooth.json'))
    await buildSite({ entriesFolder, outFolder })
    expect(existsSync(page)).toBe(false)
    expect(readFileSync(join(outFolder, 'index.html'), 'utf8')).not.toContain('Input smoothing')
  })

  test('rejects an output directory with other files', async () => {
    const outFolder = join(folder, 'home')
    mkdirSync(outFolder)
    writeFileSync(join(outFolder, 'index.html'), 'mine')
    await expect(buildSite({ entriesFolder: writeEntries([]), outFolder })).rejects.toThrow(
      'expected an empty directory or an earlier build, found index.html; choose another directory',
    )
    expect(readFileSync(join(outFolder, 'index.html'), 'utf8')).toBe('mine')
  })

  test('never removes a file outside the directory, even if the list names one', async () => {
    const outFolder = join(folder, 'site')
    const entriesFolder = writeEntries(board())
    await buildSite({ entriesFolder, outFolder })
    writeFileSync(join(folder, 'precious'), 'mine')
    writeFileSync(join(outFolder, 'site-files.json'), JSON.stringify(['../precious', 7]))
    await buildSite({ entriesFolder, outFolder })
    expect(existsSync(join(folder, 'precious'))).toBe(true)
  })

  test('a missing directory and misplaced or malformed entries are rejected', async () => {
    const outFolder = join(folder, 'site')
    const nowhere = join(folder, 'nowhere')
    await expect(buildSite({ entriesFolder: nowhere, outFolder })).rejects.toThrow(
      'nowhere: no such directory; expected leaderboard entries',
    )
    writeFileSync(nowhere, 'a file')
    await expect(buildSite({ entriesFolder: nowhere, outFolder })).rejects.toThrow(
      'nowhere: no such directory; expected leaderboard entries',
    )
    const entriesFolder = writeEntries([boardEntry('a', [9000, 5000, 3000])])
    const misplaced = join(entriesFolder, 'b.json')
    writeFileSync(misplaced, JSON.stringify(boardEntry('b', [9000, 5000, 3000])))
    await expect(buildSite({ entriesFolder, outFolder })).rejects.toThrow(
      'b.json: expected this entry at ',
    )
    writeFileSync(misplaced, '{"id": ')
    await expect(buildSite({ entriesFolder, outFolder })).rejects.toThrow(
      /b\.json:1:\d+: not valid JSON/,
    )
    expect(existsSync(outFolder)).toBe(false)
  })
})

test('entries of the same name are versions only if their authors are the same', async () => {
  const own = { title: 'First', authors: ['A. Lice'], id: 'first' }
  const first = boardEntry('mine', [9000, 5000, 3000], {}, own)
  const model = { ...first.model, sha256: 'b2'.repeat(32) }
  const other = boardEntry('mine', [9200, 5200, 3200], {}, { ...own, id: 'next', title: 'Second' })
  const pageOf = async (authors: string[]): Promise<string> => {
    const entries = [first, { ...other, model, authors }].map((entry) => ({ entry }))
    return String((await renderWholeSite(entries)).get('entries/cifar10/linf-8-255/first.html'))
  }
  expect(await pageOf(['M. Allory'])).not.toContain('id="versions-title"')
  const page = await pageOf(['A. Lice'])
  const versions = page.slice(page.indexOf('id="versions-title"'))
  expect(versions).toContain('<a href="next.html">Second</a>')
  expect(versions.match(/<td>A\. Lice<\/td>/g)).toHaveLength(2)
  expect(versions.slice(0, versions.indexOf('</table>')).match(/self-reported/g)).toHaveLength(2)
})
