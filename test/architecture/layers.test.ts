/** The source: imports go one way, without cycles, and the lint configuration is up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { importsOf, layerIndexOf, readLayers, sourceFiles } from './layers.ts'
import { lintConfig } from './lint-config.ts'

const layers = readLayers()
const files = sourceFiles()

test('every source file belongs to a layer', () => {
  expect(files.length).toBeGreaterThan(300)
  expect(files.filter((file) => layerIndexOf(file, layers) < 0)).toEqual([])
})

test('no file imports a higher layer, nor a lower one that its layer may not see', () => {
  const violations = files.flatMap((file) => {
    const own = layerIndexOf(file, layers)
    const { imports } = layers[own]!
    return importsOf(file)
      .filter((target) => {
        const other = layerIndexOf(target, layers)
        if (other === own) return false
        return other > own || (imports !== undefined && !imports.includes(layers[other]!.folder))
      })
      .map((target) => `${file} imports ${target}`)
  })
  expect(violations).toEqual([])
})

test('no files import each other in a circle, types included', () => {
  const state = new Map<string, 'open' | 'done'>()
  const circles: string[] = []
  const visit = (file: string, way: readonly string[]): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      circles.push([...way.slice(way.indexOf(file)), file].join(' → '))
      return
    }
    state.set(file, 'open')
    for (const target of importsOf(file)) visit(target, [...way, file])
    state.set(file, 'done')
  }
  for (const file of files) visit(file, [])
  expect(circles).toEqual([])
})

test('.oxlintrc.layers.json is what .layers.json makes it', () => {
  const path = join(packageRoot(), '.oxlintrc.layers.json')
  const expected = `${JSON.stringify(lintConfig(layers), null, 2)}\n`
  if (process.env['ROBENCH_UPDATE'] === '1') writeFileSync(path, expected)
  expect(readFileSync(path, 'utf8')).toBe(expected)
})
