/** The table of transform kinds is complete and consistent. */
import { describe, expect, test } from 'vitest'
import { compileSchema } from '../../../../core/base/schema.ts'
import {
  isAdversarial,
  transformKinds,
  transformRecord,
  transformSchema,
  type Transform,
} from '../../../../core/threat/transforms/table.ts'

test('the kinds are in a fixed order, which schemas show', () => {
  expect(transformKinds).toEqual(['attribute', 'amplitude', 'corruption', 'exchange'])
})

describe.each(transformKinds)('%s', (kind) => {
  const record = transformRecord(kind)
  const example = JSON.parse(record.example) as Transform

  test('has its kind as key, and its example is valid', () => {
    expect(record.kind).toBe(kind)
    expect(example.kind).toBe(kind)
    expect(compileSchema(record.schema)(example).problems).toEqual([])
    expect(compileSchema(transformSchema)(example).problems).toEqual([])
    expect(record.check(example, [1, 3, 8, 8])).toBeUndefined()
  })

  test('has a slug for paths, and a check of evidence if it applies evidence', () => {
    expect(record.slug(example)).toMatch(/^[a-z0-9.-]+$/)
    expect(record.checkEvidence === undefined).toBe(record.apply === undefined)
  })
})

test('only corruptions and diagnostics are not chosen by an attacker', () => {
  expect(isAdversarial({})).toBe(true)
  expect(isAdversarial({ transform: { kind: 'amplitude', mix: 0, scale: 0.1 } })).toBe(true)
  expect(isAdversarial({ transform: { kind: 'attribute', ranges: { hue: [-1, 1] } } })).toBe(true)
  expect(isAdversarial({ transform: { kind: 'corruption' } })).toBe(false)
  expect(isAdversarial({ transform: { kind: 'exchange' } })).toBe(false)
})

test('a transform of an unknown kind is rejected', () => {
  expect(compileSchema(transformSchema)({ kind: 'shear' }).problems).not.toEqual([])
})
