/** Options are checked against the plugin's schema, and defaults are filled in. */
import { expect, test } from 'vitest'
import { resolveOptions } from '../../../core/plugin/options.ts'

const meta = {
  id: 'pgd',
  optionsSchema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      steps: { type: 'integer', minimum: 1, default: 20 },
      loss: { enum: ['cross-entropy', 'margin'], default: 'cross-entropy' },
      epsilon: { type: 'number' },
    },
  },
}
const where = 'suites/quick.json#/attacks/0/options'

test('defaults are filled in, and the given options are not modified', () => {
  const given = { steps: 3 }
  expect(resolveOptions(meta, given, where)).toEqual({ steps: 3, loss: 'cross-entropy' })
  expect(given).toEqual({ steps: 3 })
  expect(resolveOptions(meta, undefined, where)).toEqual({ steps: 20, loss: 'cross-entropy' })
})

test('an unknown option is reported with its place, a suggestion and the known options', () => {
  expect(() => resolveOptions(meta, { epsilom: 1 }, where)).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: suites/quick.json#/attacks/0/options/epsilom: unknown option; did you mean "epsilon"? (pgd accepts: steps, loss, epsilon)]`,
  )
})

test('all values that break the schema are reported together', () => {
  const wrong = { steps: 0, loss: 'magrin', epsilon: '1' }
  expect(() => resolveOptions(meta, wrong, where)).toThrowErrorMatchingInlineSnapshot(`
    [ConfigError: suites/quick.json#/attacks/0/options/steps: must be >= 1, got 0
    suites/quick.json#/attacks/0/options/loss: must be one of cross-entropy, margin; got "magrin"; did you mean "margin"?
    suites/quick.json#/attacks/0/options/epsilon: must be a number, got "1"]
  `)
})

test('no schema means no options', () => {
  expect(resolveOptions({ id: 'plain' }, {}, where)).toEqual({})
  expect(() => resolveOptions({ id: 'plain' }, { a: 1 }, where)).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: suites/quick.json#/attacks/0/options/a: unknown option (plain accepts: nothing)]`,
  )
})

test('options that are not an object are rejected', () => {
  expect(() => resolveOptions(meta, [1], where)).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: suites/quick.json#/attacks/0/options: must be an object, got [1]]`,
  )
})
