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
