import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publishedSchemas, schemaText } from '../../cli/schema-command.ts'
import { packageRoot } from '../../core/base/paths.ts'
import { compileSchema } from '../../core/base/schema.ts'

const names = Object.keys(publishedSchemas) as (keyof typeof publishedSchemas)[]

test.for(names)(
  'the published schema "%s" is the one that the code uses; ROBENCH_UPDATE=1 writes it',
  (name) => {
    const path = join(packageRoot(), 'schemas', publishedSchemas[name].file)
    if (process.env['ROBENCH_UPDATE'] === '1') writeFileSync(path, schemaText(name))
    expect(readFileSync(path, 'utf8')).toBe(schemaText(name))
  },
)

test.for(names)('the published schema "%s" is a valid schema', (name) => {
  expect(compileSchema(publishedSchemas[name].schema)).toBeTypeOf('function')
})

/** All patterns in a schema. */
function patternsOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { pattern } = schema as { readonly pattern?: unknown }
  const own = typeof pattern === 'string' ? [pattern] : []
  return [...own, ...Object.values(schema).flatMap(patternsOf)]
}

test.each(['suite', 'result', 'plugin-meta'] as const)(
  'patterns of the schema %s are those of other languages, too',
  (name) => {
    const path = join(packageRoot(), 'schemas', `${name}.schema.json`)
    const patterns = patternsOf(JSON.parse(readFileSync(path, 'utf8')))
    expect(patterns.length).toBeGreaterThan(0)
    // Python has neither.
    expect(patterns.filter((pattern) => /\\u\{|\\p\{/.test(pattern))).toEqual([])
  },
)
