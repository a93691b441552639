/** Constructors of plugins type the options by their schema. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { defineAttack, defineNetwork } from '../../../core/plugin/define.ts'
import type { OptionsOf } from '../../../core/plugin/define.ts'

const meta = {
  id: 'acme/test',
  apiVersion: 1,
  version: 1,
  title: 'Test',
  provenance: 'own',
  norms: ['Linf'],
  knowledge: 'black-box',
  goals: ['untargeted'],
  stochastic: false,
} as const

test('the record gets its kind and is frozen', () => {
  const plugin = defineAttack({
    meta,
    run: async ({ inputs }) => inputs,
    cost: () => ({ forward: 0, backward: 0 }),
  })
  expect(plugin.kind).toBe('attack')
  expect(plugin.meta).toBe(meta)
  expect(Object.isFrozen(plugin)).toBe(true)
  expect(defineNetwork({ meta, define: () => ({ title: '', build: (_, x) => x }) }).kind).toBe(
    'network',
  )
})

describe('options', () => {
  test('are typed by the schema: properties with a default are always present', () => {
    defineAttack({
      meta: {
        ...meta,
        optionsSchema: {
          type: 'object',
          additionalProperties: false,
          properties: {
            steps: { type: 'integer', default: 1 },
            stepSize: { type: 'number' },
            loss: { enum: ['a', 'b'], default: 'a' },
          },
        },
      },
      async run({ options, inputs }) {
        expectTypeOf(options.steps).toEqualTypeOf<number>()
        expectTypeOf(options.stepSize).toEqualTypeOf<number | undefined>()
        expectTypeOf(options.loss).toEqualTypeOf<'a' | 'b'>()
        return inputs
      },
      cost: (options) => ({ forward: options.steps, backward: 0 }),
    })
  })

  test('are an empty object without a schema', () => {
    expectTypeOf<OptionsOf<typeof meta>>().toEqualTypeOf<Readonly<Record<string, never>>>()
  })
})
