/** The registry loads plugins on first use and rejects those that break the contract. */
import { expect, test } from 'vitest'
import { hostApiVersion } from '../../../core/plugin/api-version.ts'
import type { AttackPlugin, PluginTable } from '../../../core/plugin/contract.ts'
import { PluginRegistry } from '../../../core/plugin/registry.ts'

const meta = {
  id: 'acme/blur',
  apiVersion: 1,
  version: 1,
  title: 'Blur',
  provenance: 'own',
  norms: ['Linf'],
  knowledge: 'black-box',
  goals: ['untargeted'],
  stochastic: false,
} as const

/** A table with one valid attack, changed by `more` in its meta and `record` in itself. */
function table(more: object = {}, record: object = {}): PluginTable {
  const plugin = {
    kind: 'attack',
    meta: { ...meta, ...more },
    run: async ({ inputs }: { inputs: unknown }) => inputs,
    cost: () => ({ forward: 0, backward: 0 }),
    ...record,
  }
  return { attacks: { 'acme/blur': async () => plugin as unknown as AttackPlugin<never> } }
}

async function load(packageTable: PluginTable, notices: string[] = []): Promise<string> {
  try {
    const registry = new PluginRegistry([{ name: 'acme', table: packageTable }], (notice) =>
      notices.push(notice),
    )
    return (await registry.get('attack', 'acme/blur')).meta.title
  } catch (error) {
    return String(error)
  }
}

test('a valid plugin is loaded once', async () => {
  let loads = 0
  const { attacks } = table()
  const counted: PluginTable = {
    attacks: { 'acme/blur': () => ((loads += 1), attacks!['acme/blur']!()) },
  }
  const registry = new PluginRegistry([{ name: 'acme', table: counted }])
  expect(loads).toBe(0)
  const [first, second] = await Promise.all([1, 2].map(() => registry.get('attack', 'acme/blur')))
  expect(first).toBe(second)
  expect(loads).toBe(1)
  expect(registry.ids('attack')).toEqual(['acme/blur'])
  expect(registry.packageOf('attack', 'acme/blur')).toBe('acme')
})

test('unknown keys produce a notice, not an error', async () => {
  const notices: string[] = []
  const newer = { ...table({ needs: ['gpu'] }), metrics: {} }
  expect(await load(newer, notices)).toBe('Blur')
  expect(notices).toMatchInlineSnapshot(`
    [
      "package "acme": unknown key "metrics" of the plugin table; ignored",
      "package "acme": attack "acme/blur": unknown key "needs" of meta; ignored",
    ]
  `)
})

test('a newer contract is rejected with advice', async () => {
  expect(await load(table({ apiVersion: 2 }))).toMatchInlineSnapshot(
    `"PluginError: package "acme": attack "acme/blur" requires plugin contract 2, but this robench supports up to 1; update robench, or install an older version of the plugin"`,
  )
})

test('the version of the host is accepted', async () => {
  expect(await load(table({ apiVersion: hostApiVersion }))).toBe('Blur')
})

test.each([undefined, null, '1', 0, -1, 1.5, Number.NaN, true])(
  'a contract version of %j is rejected',
  async (apiVersion) => {
    const message = await load(table({ apiVersion }))
    expect(message).toContain(
      'attack "acme/blur" must state the version of the plugin contract as a literal, ' +
        'meta.apiVersion: 1; got ',
    )
  },
)

test('plugins cannot import the version of the host', async () => {
  const exported = await import('../../../core/api/plugin.ts')
  expect(Object.keys(exported).filter((name) => /version/i.test(name))).toEqual([])
})

test('an option role without its option, of another type, or given twice is rejected', async () => {
  const optionsSchema = {
    type: 'object',
    additionalProperties: false,
    properties: {
      inner: { type: 'object' },
      other: { type: 'array' },
      second: { type: 'object' },
      file: { type: 'string' },
      base: { type: 'string' },
    },
  }
  const withRoles = (optionRoles: object): Promise<string> =>
    load(table({ optionsSchema, optionRoles }))
  expect(await withRoles({ inner: 'attack', other: 'models' })).toBe('Blur')
  expect(await withRoles({ file: 'path', base: 'path' })).toBe('Blur')
  expect(await withRoles({ attack: 'attack' })).toMatchInlineSnapshot(
    `"PluginError: package "acme": attack "acme/blur": meta.optionRoles names "attack", which is no property of meta.optionsSchema"`,
  )
  expect(await withRoles({ inner: 'attack', second: 'attack' })).toMatchInlineSnapshot(
    `"PluginError: package "acme": attack "acme/blur": meta.optionRoles gives the role "attack" to "inner" and "second"; expected one"`,
  )
  expect(await withRoles({ other: 'attack' })).toMatchInlineSnapshot(
    `"PluginError: package "acme": attack "acme/blur": meta.optionRoles gives the role "attack" to "other"; expected the type "object" in meta.optionsSchema, got "array""`,
  )
  expect(await withRoles({ inner: 'network' })).toMatchInlineSnapshot(
    `"PluginError: package "acme": attack "acme/blur": meta/optionRoles/inner must be one of attack, models, path; got "network""`,
  )
})

test('an id that differs from its key in the table is rejected', async () => {
  expect(await load(table({ id: 'acme/blurr' }))).toMatchInlineSnapshot(
    `"PluginError: package "acme": attack "acme/blur": meta.id is "acme/blurr", but must equal its key in the table"`,
  )
})

test('meta that breaks the contract is rejected with every mistake', async () => {
  expect(await load(table({ norms: ['L7'], version: 0, title: undefined }))).toMatchInlineSnapshot(`
    "PluginError: package "acme": attack "acme/blur": meta missing key "title"
    package "acme": attack "acme/blur": meta/version must be >= 1, got 0
    package "acme": attack "acme/blur": meta/norms/0 must be one of Linf, L2, L1, L0; got "L7"; did you mean "L2"?"
  `)
})

test('a plugin without its function is rejected', async () => {
  expect(await load(table({}, { run: 'later' }))).toMatchInlineSnapshot(
    `"PluginError: package "acme": attack "acme/blur" has no function "run""`,
  )
})

test('a record of another kind is rejected', async () => {
  expect(await load(table({}, { kind: 'defense' }))).toContain(
    'must be a record with kind "attack"',
  )
})

test('an options schema that allows unknown keys is rejected', async () => {
  expect(await load(table({ optionsSchema: { type: 'object' } }))).toMatchInlineSnapshot(
    `"PluginError: plugin "acme/blur": meta.optionsSchema must have "type": "object" and "additionalProperties": false, got {"type":"object"}"`,
  )
})

test('an invalid options schema is rejected', async () => {
  const optionsSchema = {
    type: 'object',
    additionalProperties: false,
    properties: { a: { type: 'whole' } },
  }
  expect(await load(table({ optionsSchema }))).toContain('is not a valid JSON Schema (2020-12)')
})

test('a plugin that throws while it loads is named', async () => {
  const broken: PluginTable = {
    attacks: { 'acme/blur': () => Promise.reject(new Error('no such file')) },
  }
  expect(await load(broken)).toMatchInlineSnapshot(
    `"PluginError: package "acme": attack "acme/blur" cannot be loaded: no such file"`,
  )
})

test('a package without a table is rejected', () => {
  const none = { name: 'acme', table: undefined as unknown as PluginTable }
  expect(() => new PluginRegistry([none])).toThrowErrorMatchingInlineSnapshot(
    `[PluginError: package "acme": the default export must be a plugin table { attacks?, defenses?, networks? }, got undefined]`,
  )
})

test('two packages with the same id are rejected and named', () => {
  const packages = [
    { name: 'acme', table: table() },
    { name: 'other', table: table() },
  ]
  expect(() => new PluginRegistry(packages)).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: packages "acme" and "other" both provide the attack "acme/blur"; remove one from the suite's "plugins", or ask its author to prefix the id ("acme/blur")]`,
  )
})

test('an unknown id is rejected with a suggestion and the place', async () => {
  const registry = new PluginRegistry([{ name: 'acme', table: table() }])
  await expect(
    registry.get('attack', 'acme/blr', 's.json#/attacks/0/plugin'),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: s.json#/attacks/0/plugin: unknown attack plugin "acme/blr"; did you mean "acme/blur"? (available attacks: acme/blur; third-party plugins come from the packages in the suite's "plugins")]`,
  )
})
