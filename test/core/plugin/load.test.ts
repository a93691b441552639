/** Plugin packages are found by name or path, or rejected with a reason. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { loadRegistry, locatePlugins } from '../../../core/plugin/load.ts'
import { isPluginPath } from '../../../core/plugin/module-file.ts'

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

test('paths of Windows are paths, not URLs', () => {
  for (const path of [
    'C:\\plugins\\acme',
    'c:/plugins/acme',
    '\\\\server\\share\\acme',
    '.',
    '../a',
    '/a',
  ]) {
    expect(isPluginPath(path)).toBe(true)
  }
  for (const name of ['acme', '@acme/blur', 'robench-plugin-acme', 'C:acme']) {
    expect(isPluginPath(name)).toBe(false)
  }
  expect(() => locatePlugins(['C:\\none'], [tmpdir()], 's.json')).toThrow('does not exist')
})

/** A package with these files, in node_modules and beside the suite. */
function packageOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'robench-load-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const path of ['own', 'node_modules/named']) {
    for (const [name, text] of Object.entries(files)) {
      const file = join(folder, path, name)
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(file, text)
    }
  }
  return folder
}

test.each([
  ['{}', 'has no "main" and no "exports", and there is no index.js'],
  ['{ "main": "dist/index.js" }', 'names <folder>/dist/index.js, which does not exist; build the'],
  [
    '{ "name": "named", "exports": "./dist/index.js" }',
    'names <folder>/dist/index.js, which does not exist; build the package first',
  ],
  ['{ "main": ', 'package.json:1:11: not valid JSON: expected a value'],
  ['{ "exports": "./a.js" }', 'has exports, but no "name"'],
])('the error for a package with %s says what is missing', (manifest, message) => {
  const folder = packageOf({ 'package.json': manifest })
  const own = message.replace('<folder>', join(folder, 'own'))
  expect(() => locatePlugins(['./own'], [folder], 's.json')).toThrow(own)
  if (manifest.endsWith(' ') || manifest.includes('a.js')) return
  const named = message.replace('<folder>', join(folder, 'node_modules', 'named'))
  expect(() => locatePlugins(['named'], [folder], 's.json')).toThrow(named)
})

const record = `{ kind: 'attack', meta: { id: 'a/b', apiVersion: 1, version: 1, title: 'A',
  provenance: 'own', norms: ['Linf'], knowledge: 'black-box', goals: ['untargeted'],
  stochastic: false }, run: async ({ inputs }) => inputs, cost: () => ({ forward: 0, backward: 0 }) }`

test.each([
  [
    'ESM',
    { type: 'module', main: 'index.js' },
    `export default { attacks: { 'a/b': async () => (${record}) } }`,
  ],
  [
    'CommonJS by tsc',
    { main: 'index' },
    `Object.defineProperty(exports, '__esModule', { value: true })
     exports.default = { attacks: { 'a/b': async () => (${record}) } }`,
  ],
  ['CommonJS', { main: '.' }, `module.exports = { attacks: { 'a/b': async () => (${record}) } }`],
  [
    'exports for CommonJS only',
    { name: 'named', exports: { require: './index.js' } },
    `module.exports = { default: { attacks: { 'a/b': async () => (${record}) } } }`,
  ],
])('a package in %s is loaded', async (_, manifest, code) => {
  const folder = packageOf({ 'package.json': JSON.stringify(manifest), 'index.js': code })
  for (const name of ['./own', 'named']) {
    const registry = await loadRegistry(locatePlugins([name], [folder], 's.json'))
    expect((await registry.get('attack', 'a/b')).meta.title).toBe('A')
    expect(registry.packageOf('attack', 'a/b')).toBe(name)
  }
})

test('a package that is linked, as in a workspace, is the same module by both names', () => {
  const folder = packageOf({ 'package.json': '{}', 'index.js': '' })
  symlinkSync(join(folder, 'own'), join(folder, 'node_modules', 'linked'), 'dir')
  expect(locate(folder, 'linked')).toBe('/own/index.js')
})

test('a module without a table is refused', async () => {
  const folder = packageOf({
    'package.json': '{ "type": "module" }',
    'index.js': 'export default { attack: 1 }',
  })
  await expect(loadRegistry(locatePlugins(['./own'], [folder], 's.json'))).rejects.toThrow(
    'package "./own": the default export must be a plugin table ' +
      '{ attacks?, defenses?, networks? }, got keys attack',
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
  'file:///x.js',
  'a b',
  '#internal',
])('%s is no plugin package, and no code of it runs', (name) => {
  expect(() => locatePlugins([name], ['.'], 's.json')).toThrow(
    's.json#/plugins/0: expected the name of an npm package, or a path that begins with "." or ' +
      `"/", got ${JSON.stringify(name)}; URLs and modules of Node are not plugin packages`,
  )
})

test.each(['seed.json', 'native.node', 'code.wasm'])('a plugin in %s is refused', (file) => {
  const folder = project({ own: { name: 'own', exports: `./${file}` } })
  writeFileSync(join(folder, file), '{}')
  writeFileSync(join(folder, 'own', file), '{}')
  const extension = file.slice(file.indexOf('.'))
  for (const [name, path] of [
    [`./${file}`, join(folder, file)],
    ['./own', join(folder, 'own', file)],
  ] as const) {
    expect(() => locatePlugins([name], [folder], 's.json')).toThrow(
      `s.json#/plugins/0: plugin package "${name}": expected a JavaScript module ` +
        `(.js, .mjs, .cjs), got a ${extension} file: ${path}`,
    )
  }
})

test.each(['robench/../../etc/passwd', 'a/./b', '@acme/../b', `a${'b'.repeat(1000)}`])(
  'a name that npm does not take is refused: %s',
  (name) => {
    const refusal = /^s\.json#\/plugins\/0: expected the name of an npm package, or a path that /
    expect(() => locatePlugins([name], [tmpdir()], 's.json')).toThrow(refusal)
    expect(() => locatePlugins([name], [tmpdir()], 's.json')).not.toThrow('npm install')
  },
)

test('the advice for a package with a subpath installs the package', () => {
  const folder = project({})
  expect(() => locatePlugins(['@acme/b/lib/c'], [folder], 's.json')).toThrow(
    'plugin package "@acme/b/lib/c" was not found; install it: npm install @acme/b\n',
  )
})
