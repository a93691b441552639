/** What the package contains, as npm lists it. Builds nothing: run after `npm run build`. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'

interface Packed {
  readonly files: readonly { readonly path: string; readonly size: number }[]
}

const words = ['pack', '--dry-run', '--json', '--ignore-scripts']
const listing = execFileSync('npm', words, { cwd: packageRoot(), encoding: 'utf8' })
const [{ files }] = JSON.parse(listing) as [Packed]
const paths = files.map(({ path }) => path)

/** All paths in a value of `exports`. */
function targets(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Object.values(value as object).flatMap(targets)
}

test('every entry point and the command are in the package', () => {
  const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    readonly bin: object
    readonly exports: object
    readonly types: string
  }
  const named = [...targets(manifest.bin), ...targets(manifest.exports), manifest.types]
  for (const target of named.filter((path) => !path.includes('*'))) {
    expect(paths).toContain(target.replace('./', ''))
  }
})

test('it contains compiled code, and no sources, tests, or source maps', () => {
  expect(paths.filter((path) => path.endsWith('.map'))).toEqual([])
  expect(paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([
    'examples/attack-plugin-typescript/src/gradient-step.ts',
    'examples/attack-plugin-typescript/src/index.ts',
  ])
  expect(paths.filter((path) => /^(test|results|node_modules|\.)/.test(path))).toEqual([])
  const code = paths.filter((path) => path.startsWith('dist/') && path.endsWith('.js'))
  for (const path of code) {
    expect(readFileSync(join(packageRoot(), path), 'utf8')).not.toContain('sourceMappingURL')
  }
})

test('only these directories and files are shipped', () => {
  const tops = new Set(paths.map((path) => path.split('/')[0]!))
  expect([...tops].toSorted()).toEqual([
    'CHANGELOG.md',
    'CITATION.cff',
    'CONTRIBUTING.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    // Templates of `init plugin`.
    'cli',
    'dist',
    'docs',
    'examples',
    'leaderboard',
    'models',
    'package.json',
    'reports',
    'schemas',
    'suites',
  ])
  // Without models, so that a file added by mistake is noticed.
  const bytes = files.filter(({ path }) => !path.startsWith('models/'))
  expect(bytes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(6e6)
})
