import { expect, test } from 'vitest'
import { compileSchema, escapePointer } from '../../../core/base/schema.ts'

test('long keys are shortened, in the pointer and in front of a problem', () => {
  const validate = compileSchema({
    type: 'object',
    properties: { known: { type: 'object', additionalProperties: { type: 'number' } } },
    additionalProperties: false,
  })
  const long = 'k'.repeat(10_000)
  const short = `${'k'.repeat(57)}…`
  expect(validate({ [long]: 1, known: { [long]: 'x' } }).problems).toEqual([
    { pointer: `/${short}`, message: 'unknown key (accepted: known)' },
    { pointer: `/known/${short}`, message: 'must be a number, got "x"' },
  ])
  expect(escapePointer('a/b~c')).toBe('a~1b~0c')
})
