/** The public entry points: what package.json exports, how many names each has. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../core/base/paths.ts'

interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly files: readonly string[]
}

const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as Manifest

/** The source of each subpath, without those of plain files. */
const sources = Object.entries(manifest.exports)
  .filter(([, target]) => target.startsWith('./dist/'))
  .map(([subpath, target]) => ({
    subpath,
    source: target.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts'),
  }))

/** The names in the export lists of a barrel. */
function exportedNames(source: string): string[] {
  const text = readFileSync(join(packageRoot(), source), 'utf8')
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) =>
    list!
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
}

test.each(sources)('$subpath has a source with a docstring and no name twice', ({ source }) => {
  expect(existsSync(join(packageRoot(), source))).toBe(true)
  const text = readFileSync(join(packageRoot(), source), 'utf8')
  expect(text).toMatch(/^\/\*\*/)
  const names = exportedNames(source)
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted())
})

test('the root exports at most 40 names and the attack kit at most 60', () => {
  const namesOf = (subpath: string): string[] =>
    exportedNames(sources.find((entry) => entry.subpath === subpath)!.source)
  expect(namesOf('.')).toEqual(expect.arrayContaining(['evaluate', 'train', 'RunResult']))
  expect(namesOf('.').length).toBeLessThanOrEqual(40)
  expect(namesOf('./attack')).toEqual(expect.arrayContaining(['runIterativeAttack', 'Ball']))
  expect(namesOf('./attack').length).toBeLessThanOrEqual(60)
})
