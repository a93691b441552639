/** A package's integrity covers its own code, and nothing else that lies in its directory. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { locatePlugins } from '../../../core/plugin/load.ts'
import { identifyPackage, identifyRobench } from '../../../core/plugin/package-identity.ts'
import type { PackageIdentity } from '../../../core/plugin/package-identity.ts'

function plugin(): { readonly folder: string; identify(): PackageIdentity } {
  const folder = mkdtempSync(join(tmpdir(), 'robench-package-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'acme', version: '1.2.3', main: 'index.js' }),
  )
  writeFileSync(join(folder, 'index.js'), "export { a } from './lib/a.js'\n")
  mkdirSync(join(folder, 'lib'))
  writeFileSync(join(folder, 'lib', 'a.js'), "export const a = new URL('./w.bin', import.meta.url)")
  writeFileSync(join(folder, 'lib', 'w.bin'), 'weights')
  const identify = (): PackageIdentity => identifyPackage(locatePlugins([folder], ['/'], 's')[0]!)
  return { folder, identify }
}

test('states name, version, and a hash that is stable', () => {
  const { folder, identify } = plugin()
  expect(identify()).toMatchObject({ name: folder, version: '1.2.3' })
  expect(identify().integrity).toMatch(/^[0-9a-f]{64}$/)
  expect(identify()).toEqual(identify())
})

test('changes with code and data that the module names, directly or not', () => {
  const { folder, identify } = plugin()
  const before = identify().integrity
  writeFileSync(join(folder, 'lib', 'w.bin'), 'other weights')
  const after = identify().integrity
  expect(after).not.toBe(before)
  writeFileSync(join(folder, 'lib', 'a.js'), 'export const a = 1')
  expect(identify().integrity).not.toBe(after)
})

test('does not change with results that a run writes beside the code', () => {
  const { folder, identify } = plugin()
  const before = identify().integrity
  mkdirSync(join(folder, 'results'))
  writeFileSync(join(folder, 'results', 'result.json'), '{}')
  expect(identify().integrity).toBe(before)
})

test('robench itself has one, too', () => {
  const { name, integrity } = identifyRobench()
  expect(name).toBe('robench')
  expect(integrity).toMatch(/^[0-9a-f]{64}$/)
})
