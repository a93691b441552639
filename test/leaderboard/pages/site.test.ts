/** The whole site: complete, every link leads somewhere, nothing is loaded from other hosts. */
import { dirname, join, posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PNG } from 'pngjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../../core/base/paths.ts'
import { compileSchema } from '../../../core/base/schema.ts'
import type { renderWholeSite as RenderWholeSite } from '../../../leaderboard/build.ts'
import type { LeaderboardEntry } from '../../../leaderboard/entry-type.ts'
import { apiSchema } from '../../../leaderboard/pages/api.ts'
import builtins from '../../../plugins/index.ts'
import { corruptions, entryWith, threats } from '../../reports/findings-fixture.ts'
import { board, boardEntry, uncheckedEntry } from '../fixture.ts'

/** The built code imports all plugins in a tenth of the time. */
const built = pathToFileURL(join(packageRoot(), 'dist', 'leaderboard', 'build.js')).href
const address = 'https://example.org/board/'

/** Closes the tag and the attribute that it stands in, in HTML, XML, BibTeX, and templates. */
const attack = `"'><script>alert(1)</script><img src=x onerror="alert(1)">{{ 7 * 7 }}]]>&{}\\end`

let files: ReadonlyMap<string, string | Uint8Array>
let hostileFiles: ReadonlyMap<string, string | Uint8Array>
let render: typeof RenderWholeSite

function text(path: string, from = files): string {
  const content = from.get(path)
  if (typeof content !== 'string') throw new Error(`${path}: no text file of the site`)
  return content
}

function hostileEntry(): LeaderboardEntry {
  const entry = boardEntry('a', [9000, 5000, 3000])
  return {
    ...entry,
    title: attack,
    authors: [attack],
    venue: attack,
    architecture: attack,
    extraData: attack,
    dataset: { ...entry.dataset, title: attack },
    defense: { name: attack, plugin: attack, version: 1, options: { file: attack } },
    attacks: entry.attacks.map((one) => ({ ...one, name: attack, plugin: attack })),
    links: { paper: 'javascript:alert(1)', code: ' data:text/html,x', more: '//evil.example' },
    run: {
      ...entry.run,
      command: attack,
      environment: { [attack]: attack },
      suite: { ...entry.run.suite, title: attack, content: { [attack]: attack } },
    },
    checks: entry.checks.map((check) => ({ ...check, evidence: attack })),
    training: { [attack]: [attack], epochs: [{ [attack]: 0.5, accuracy: 0.5 }] },
  }
}

beforeAll(async () => {
  const module = (await import(built)) as { readonly renderWholeSite: typeof RenderWholeSite }
  render = module.renderWholeSite
  const corrupted = entryWith((entry) => corruptions(entry, ['fog', 'spatter']), {
    threatModel: threats.corruption,
  })
  const entries = [...board(), uncheckedEntry(corrupted)]
  files = await render(
    entries.map((entry) => ({ entry })),
    undefined,
    address,
  )
  hostileFiles = await render([{ entry: hostileEntry() }])
})

describe('the site', () => {
  test('has a page for each entry, attack, defense, and data set, and the text pages', () => {
    const wanted = [
      'methods.html',
      'contribute.html',
      'faq.html',
      'docs/index.html',
      'docs/defenses/trades.html',
      'datasets/cifar10.html',
      'datasets/svhn.html',
      ...Object.keys(builtins.attacks ?? {}).map((id) => `attacks/${id}.html`),
      ...Object.keys(builtins.defenses ?? {}).map((id) => `defenses/${id}.html`),
      ...board().map(({ dataset, id }) =>
        dataset.id === 'cifar10'
          ? `entries/cifar10/linf-8-255/${id}.html`
          : `entries/fashion-mnist/linf-0.1/${id}.html`,
      ),
    ]
    expect(wanted.filter((path) => !files.has(path))).toEqual([])
  })

  test('every local link of every page leads to a file of the site, and to an id in it', () => {
    const broken: string[] = []
    for (const [path, html] of files) {
      if (!path.endsWith('.html') || typeof html !== 'string') continue
      for (const [, address = ''] of html.matchAll(/(?:href|src|data-source)="([^"]*)"/g)) {
        if (/^(?:https?:|mailto:|data:,$)/.test(address)) continue
        const [target = '', anchor] = address.split('#')
        const file = target === '' ? path : posix.join(posix.dirname(path), target)
        const isThere = files.has(file)
        if (isThere && anchor && !text(file).includes(`id="${anchor}"`)) broken.push(address)
        if (!isThere) broken.push(`${path} → ${address}`)
      }
    }
    expect(broken).toEqual([])
  })

  test('every page has a policy that permits no inline code and no other host', () => {
    for (const [path, html] of files) {
      if (!path.endsWith('.html') || typeof html !== 'string') continue
      const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]
      expect(policy, path).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
          "connect-src 'self'; base-uri 'none'; form-action 'none'",
      )
      expect(html, path).not.toMatch(/<style|<script(?![^>]*src=)|\sstyle="|\son[a-z]+="/i)
      expect(html, path).not.toMatch(/<(?:script|img|link)[^>]*(?:src|href)="(?:https?:)?\/\//i)
    }
  })

  test('pages name one main part, one title, and at most one current page', () => {
    for (const [path, html] of files) {
      if (!path.endsWith('.html') || typeof html !== 'string') continue
      expect(html.match(/<main /g), path).toHaveLength(1)
      expect(html.match(/<h1/g), path).toHaveLength(1)
      expect(html.match(/aria-current="true"/g) ?? [], path).toHaveLength(
        path.startsWith('entries') ? 0 : 1,
      )
      const ids = Array.from(html.matchAll(/\sid="([^"]*)"/g), ([, id]) => id)
      expect(
        ids.filter((id, at) => ids.indexOf(id) !== at),
        path,
      ).toEqual([])
    }
  })

  test('corruptions are a matrix on the page of their entry: two in five severities', () => {
    const page = text('entries/cifar10/corruption/pgd-at.html')
    expect(page.match(/class="number shaded"/g)).toHaveLength(10)
    expect(page).toContain('Worst case over corruptions')
  })
})

describe('files for programs', () => {
  test('all.json follows its schema, and has every entry with the figures of its page', () => {
    const all: unknown = JSON.parse(text('api/v1/all.json'))
    expect(compileSchema(apiSchema)(all).problems).toEqual([])
    expect(JSON.parse(text('api/v1/schema.json'))).toEqual(apiSchema)
    const one: unknown = JSON.parse(text('api/v1/entries/cifar10/linf-8-255/trn.json'))
    expect(one).toMatchObject({
      location: 'cifar10/linf-8-255/trn',
      table: 'cifar10-linf-8-255',
      clean: { count: 7431, total: 10_000, fraction: 0.7431 },
      worstCase: { count: 4051 },
    })
    const table: unknown = JSON.parse(text('api/v1/tables/cifar10-linf-8-255.json'))
    expect(table).toMatchObject({ entries: expect.arrayContaining([one]) })
  })

  test('paths in the API lead to files', () => {
    const all = JSON.parse(text('api/v1/all.json')) as {
      readonly tables: { readonly entries: { readonly files: Record<string, string> }[] }[]
    }
    const paths = all.tables.flatMap(({ entries }) =>
      entries.flatMap((entry) => Object.values(entry.files)),
    )
    expect(paths).toHaveLength(70)
    expect(paths.filter((path) => !files.has(path))).toEqual([])
  })

  test('the feed, the sitemap, and robots.txt name absolute URLs of pages that exist', () => {
    const feed = text('feed.xml')
    expect(feed.match(/<item>/g)).toHaveLength(10)
    const links = [
      ...feed.matchAll(/<link>([^<]*)<\/link>/g),
      ...text('sitemap.xml').matchAll(/<loc>([^<]*)<\/loc>/g),
    ]
    for (const [, link = ''] of links) {
      expect(link.startsWith(address), link).toBe(true)
      const path = link.slice(address.length)
      expect(files.has(path === '' || path.endsWith('/') ? `${path}index.html` : path), link).toBe(
        true,
      )
    }
    expect(text('robots.txt')).toContain(`Sitemap: ${address}sitemap.xml`)
  })

  test('previews of links are pictures of 1200 × 630 pixels that pages name', () => {
    const page = text('entries/cifar10/linf-8-255/trn.html')
    const [, image = ''] = /property="og:image" content="([^"]*)"/.exec(page) ?? []
    const bytes = files.get(image.slice(address.length))
    expect(PNG.sync.read(Buffer.from(bytes as Uint8Array))).toMatchObject({
      width: 1200,
      height: 630,
    })
    expect(files.has('social/board.png')).toBe(true)
  })

  test('without an address there is no sitemap, and the feed has relative links', () => {
    expect(hostileFiles.has('sitemap.xml')).toBe(false)
    expect(text('feed.xml', hostileFiles)).toContain(
      '<link>entries/cifar10/linf-8-255/a.html</link>',
    )
    expect(text('robots.txt', hostileFiles)).toBe('User-agent: *\nAllow: /\n')
  })
})

describe('hostile text', () => {
  test('is escaped in every page, and unsafe links are omitted', () => {
    for (const [path, html] of hostileFiles) {
      if (!path.endsWith('.html') || typeof html !== 'string') continue
      if (dirname(path).startsWith('docs')) continue
      expect(html, path).not.toMatch(/<script>|<img src=x/i)
      expect(html, path).not.toMatch(/javascript:|data:text|evil\.example/)
      expect(html.replaceAll(/<[a-z][^<>]*>/gi, ''), path).not.toContain('onerror="')
    }
  })

  test('is escaped in the feed and the badge, which stay well formed', () => {
    for (const path of ['feed.xml', 'files/cifar10/linf-8-255/a/badge.svg']) {
      const xml = text(path, hostileFiles)
      expect(xml, path).not.toMatch(/<script|<img|\]\]>/)
      // All tags that are opened are closed.
      const open: string[] = []
      for (const [, close, name, self] of xml.matchAll(/<(\/?)([a-z:]+)(?:\s[^<>]*?)?(\/?)>/gi)) {
        if (close) expect(open.pop()).toBe(name)
        else if (!self) open.push(name!)
      }
      expect(open).toEqual([])
    }
  })

  test('closes no field of a BibTeX record', () => {
    const record = text('files/cifar10/linf-8-255/a/cite.bib', hostileFiles)
    let depth = 0
    for (const [character] of record.matchAll(/(?<!\\)[{}]/g)) {
      depth += character === '{' ? 1 : -1
      expect(depth).toBeGreaterThanOrEqual(0)
    }
    expect(depth).toBe(0)
    expect(record).toContain(String.raw`\textbackslash{}end`)
  })
})
