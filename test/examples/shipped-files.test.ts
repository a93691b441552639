/** The packed package: what it contains, and that links between its pages hold. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'

let shipped: readonly string[] = []

beforeAll(async () => {
  const words = ['pack', '--dry-run', '--ignore-scripts', '--json']
  const { stdout } = await promisify(execFile)('npm', words, { cwd: packageRoot() })
  const [packed] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  shipped = packed.files.map(({ path }) => path)
})

/** The relative links of a page, as paths from the package's root. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(packageRoot(), page), 'utf8').replaceAll(/```.*?```/gs, '')
  return [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => posix.join(posix.dirname(page), target))
}

test('every relative link of a shipped page leads to a shipped file', () => {
  const pages = shipped.filter((path) => path.endsWith('.md'))
  expect(pages).toEqual(
    expect.arrayContaining(['README.md', 'docs/checks.md', 'examples/README.md']),
  )
  const broken = pages.flatMap((page) =>
    linksOf(page)
      .filter((target) => {
        const folder = `${target.replace(/\/$/, '')}/`
        return !shipped.includes(target) && !shipped.some((path) => path.startsWith(folder))
      })
      .map((target) => `${page} links to ${target}`),
  )
  expect(broken).toEqual([])
})

test('examples, suites and models are shipped; tests and the API reference are not', () => {
  const tops = new Set(shipped.map((path) => path.split('/')[0]))
  expect([...tops].filter((top) => top!.startsWith('.') || top === 'test')).toEqual([])
  for (const top of ['dist', 'docs', 'examples', 'models', 'schemas', 'suites']) {
    expect(tops).toContain(top)
  }
  expect(shipped.filter((path) => path.startsWith('docs/api/'))).toEqual([])
  expect(shipped.filter((path) => path.includes('node_modules'))).toEqual([])
})
