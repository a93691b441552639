/** Every option of a built-in plugin is bounded, and so is every key of a suite. */
import { expect, test } from 'vitest'
import type { PluginMeta } from '../../core/api/plugin.ts'
import { suiteSchema } from '../../core/bench/suite/schema.ts'
import table from '../../plugins/index.ts'

type Schema = Readonly<Record<string, unknown>>

/** Places in a schema that admit values of any size. */
function unbounded(schema: Schema, place: string): string[] {
  const types = [schema['type']].flat()
  const has = (...keywords: readonly string[]): boolean =>
    keywords.some((keyword) => keyword in schema)
  const found: string[] = []
  const isNumber = types.includes('number') || types.includes('integer')
  if (isNumber && !has('maximum', 'exclusiveMaximum')) found.push(`${place}: no maximum`)
  if (types.includes('string') && !has('maxLength')) found.push(`${place}: no maxLength`)
  const items = schema['items'] as Schema | undefined
  if (types.includes('array')) {
    const fixed = items && 'enum' in items && schema['uniqueItems'] === true
    if (!fixed && !has('maxItems')) found.push(`${place}: no maxItems`)
  }
  const inner = [
    ...Object.entries((schema['properties'] as Record<string, Schema> | undefined) ?? {}),
    ...(items ? [['*', items] as const] : []),
    ...['anyOf', 'oneOf'].flatMap((choice) =>
      ((schema[choice] as readonly Schema[] | undefined) ?? []).map(
        (branch, index) => [`${choice}-${index}`, branch] as const,
      ),
    ),
  ]
  return [...found, ...inner.flatMap(([key, value]) => unbounded(value, `${place}/${key}`))]
}

test('the search for missing bounds finds them', () => {
  const schema = {
    type: 'object',
    properties: {
      a: { anyOf: [{ type: 'number', minimum: 0 }, { enum: ['x'] }] },
      b: { type: 'array', items: { type: 'integer', maximum: 3 } },
      c: { type: 'array', uniqueItems: true, items: { enum: [1, 2] } },
      d: { type: 'string' },
    },
  }
  expect(unbounded(schema, '#')).toEqual([
    '#/a/anyOf-0: no maximum',
    '#/b: no maxItems',
    '#/d: no maxLength',
  ])
})

test('every option of every built-in plugin has an upper bound', async () => {
  const loaders = [table.attacks, table.defenses, table.networks].flatMap((kind) =>
    Object.entries<() => Promise<{ readonly meta: PluginMeta }>>(kind ?? {}),
  )
  expect(loaders.length).toBeGreaterThan(55)
  for (const [id, load] of loaders) {
    const { meta } = await load()
    expect(unbounded(meta.optionsSchema ?? {}, id)).toEqual([])
  }
})

test('every key of a suite has an upper bound', () => {
  expect(unbounded(suiteSchema, '#')).toEqual([])
})
