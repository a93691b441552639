/** Plugin packages are found by name or path, or rejected with a reason. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { loadRegistry, locatePlugins } from '../../../core/plugin/load.ts'

/** A project with packages in node_modules and next to the suite. */
function project(packages: Readonly<Record<string, object>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'robench-load-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, manifest] of Object.entries(packages)) {
    mkdirSync(join(folder, path, 'lib'), { recursive: true })
    writeFileSync(join(folder, path, 'package.json'), JSON.stringify(manifest))
    for (const file of ['index.js', 'lib/main.js']) {
      writeFileSync(join(folder, path, file), 'export default { attacks: {} }\n')
    }
  }
  return folder
}

function locate(folder: string, name: string): string {
  return locatePlugins([name], [folder], 's.json')[0]!.url.replace(pathToFileURL(folder).href, '')
}

test('an npm name is resolved by package exports, even if only for import', () => {
  const folder = project({
    'node_modules/robench-plugin-a': {
      name: 'robench-plugin-a',
      exports: { import: './lib/main.js' },
    },
    'node_modules/@acme/b': { name: '@acme/b', type: 'module', main: 'lib/main.js' },
  })
  expect(locate(folder, 'robench-plugin-a')).toBe('/node_modules/robench-plugin-a/lib/main.js')
  expect(locate(folder, '@acme/b')).toBe('/node_modules/@acme/b/lib/main.js')
})

test('a path is a file, or a directory with exports, a main file or index.js', () => {
  const folder = project({
    own: { name: 'own', exports: './lib/main.js' },
    old: { main: 'lib/main.js' },
    plain: {},
  })
  expect(locate(folder, './own')).toBe('/own/lib/main.js')
  expect(locate(folder, './old')).toBe('/old/lib/main.js')
  expect(locate(folder, './plain')).toBe('/plain/index.js')
  expect(locate(folder, './plain/lib/main.js')).toBe('/plain/lib/main.js')
})

test("the suite's directory comes first, then the working directory", () => {
  const [near, far] = [project({ a: {} }), project({ a: {}, b: {} })]
  const urls = locatePlugins(['./a', './b'], [near, far], 's.json').map(({ url }) => url)
  expect(urls[0]).toContain(pathToFileURL(near).href)
  expect(urls[1]).toContain(pathToFileURL(far).href)
})

test('the error for a missing package lists the attempts', () => {
  const folder = project({})
  expect(() => locatePlugins(['./none'], [folder], 's.json')).toThrow(
    `s.json#/plugins/0: plugin package "./none" was not found; check the path\n  from ${folder}: ${join(folder, 'none')} does not exist`,
  )
})

test('a package that cannot be imported is named', async () => {
  const folder = project({ bad: {} })
  writeFileSync(join(folder, 'bad/index.js'), 'throw new Error("no luck")\n')
  const [location] = locatePlugins(['./bad'], [folder], 's.json')
  await expect(loadRegistry([location!])).rejects.toThrow(
    'plugin package "./bad" cannot be imported',
  )
})

test('every built-in plugin follows the contract', async () => {
  const registry = await loadRegistry()
  for (const kind of ['attack', 'defense', 'network'] as const) {
    for (const id of registry.ids(kind)) {
      const { meta } = await registry.get(kind, id)
      expect(meta.id).toBe(id)
    }
  }
})

test.each([
  'data:text/javascript,export default {}',
  'node:fs',
  'fs',
  'fs/promises',
  'http://example.org/x.js',
  'https://example.org/x.js',
  'file:///tmp/x.js',
  'a b',
  '#internal',
])('%s is no plugin package, and no code of it runs', (name) => {
  expect(() => locatePlugins([name], ['.'], 's.json')).toThrow(
    's.json#/plugins/0: expected the name of an npm package, or a path that begins with "." or ' +
      `"/", got ${JSON.stringify(name)}; URLs and modules of Node are not plugin packages`,
  )
})
