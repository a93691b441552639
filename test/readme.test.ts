/** Keeps README.md and docs/: generated tables (UPDATE_README=1 writes them), length, links. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/base/paths.ts'
import builtins from '../plugins/index.ts'
import { readLayers } from './architecture/layers.ts'

const root = packageRoot()

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

const read = (page: string): string => readFileSync(join(root, page), 'utf8')

/** Fenced blocks hold no links. */
const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '')

/** Compares the part of a page between two comments with what the code generates. */
function expectPart(page: string, name: string, lines: readonly string[]): void {
  const begin = `<!-- ${name}: made by test/readme.test.ts -->\n`
  const end = `<!-- end of ${name} -->\n`
  const part = `${begin}${lines.join('\n')}\n${end}`
  if (process.env['UPDATE_README'] === '1') {
    const text = read(page)
    const [from, to] = [text.indexOf(begin), text.indexOf(end) + end.length]
    writeFileSync(join(root, page), text.slice(0, from) + part + text.slice(to))
  }
  expect(read(page)).toContain(part)
}

test('docs/attacks.md lists every attack with its norms, knowledge, source, and provenance', async () => {
  const rows: string[] = []
  for (const load of Object.values(builtins.attacks ?? {})) {
    const { id, title, norms, knowledge, source, provenance } = (await load()).meta
    const paper = source ? `[${source.authors} ${source.year}](${source.url})` : ''
    rows.push(
      `| \`${id}\` | ${title} | ${norms.join(', ')} | ${knowledge} | ${paper} | ${provenance} |`,
    )
  }
  expectPart('docs/attacks.md', 'attacks', [
    '| attack | | norms | knowledge | source | provenance |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ])
})

test('docs/architecture.md lists the rooms of .layers.json', () => {
  expectPart('docs/architecture.md', 'rooms', [
    '| room | contents |',
    '| --- | --- |',
    ...readLayers().map(({ folder, holds }) => `| \`${folder}\` | ${holds} |`),
  ])
})

test('README.md has at most 1,000 words', () => {
  expect(read('README.md').trim().split(/\s+/).length).toBeLessThanOrEqual(1000)
})

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  const words = heading.toLowerCase().replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
  return words.trim().replaceAll(' ', '-')
}

const anchorsOf = (page: string): string[] =>
  Array.from(withoutCode(read(page)).matchAll(/^#+ (.*)$/gm), ([, heading]) => anchorOf(heading!))

test.each(pages)('every relative link in %s leads to a file, and to a heading of it', (page) => {
  const broken: string[] = []
  for (const [, target] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue
    const [path = '', anchor] = target!.split('#')
    const file = path === '' ? join(root, page) : resolve(root, dirname(page), path)
    const known = existsSync(file) && !relative(root, file).startsWith('..')
    if (!known || (anchor && !anchorsOf(relative(root, file)).includes(anchor))) {
      broken.push(target!)
    }
  }
  expect(broken).toEqual([])
})

/** Directories of the repository that pages name in code spans. */
const sourcePath = /`((?:core|plugins|cli|reports|leaderboard|test|suites|schemas)\/[\w./-]+)`/g

test.each(pages)('every path of the source named in %s exists', (page) => {
  const named = Array.from(withoutCode(read(page)).matchAll(sourcePath), ([, path]) => path!)
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

/** What `files` of package.json puts into the packed package, of the links' targets. */
test('links of shipped pages lead to shipped files', () => {
  const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] }
  const shipped = pages.filter((page) => page === 'README.md' || page.startsWith('docs/'))
  const missing = shipped.flatMap((page) =>
    Array.from(withoutCode(read(page)).matchAll(/\]\(([^)\s#]+)[^)]*\)/g), ([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => relative(root, resolve(root, dirname(page), target)))
      .filter((path) => !files.some((entry) => path === entry || path.startsWith(`${entry}/`)))
      .map((path) => `${page}: ${path}`),
  )
  expect(missing).toEqual([])
})
