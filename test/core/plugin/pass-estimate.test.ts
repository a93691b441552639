/** What cost() returns is checked. */
import { expect, test } from 'vitest'
import type { AttackMeta } from '../../../core/plugin/contract.ts'
import { requireEstimate } from '../../../core/plugin/pass-estimate.ts'

const meta = { id: 'acme/blur', version: 3 } as AttackMeta

test('a cost of two numbers, with or without a setup', () => {
  expect(requireEstimate(meta, { forward: 1.5, backward: 0 })).toEqual({
    forward: 1.5,
    backward: 0,
  })
  const whole = { forward: 1, backward: 2, setup: { forward: 3, backward: 0 } }
  expect(requireEstimate(meta, { ...whole, note: 'x' })).toEqual(whole)
})

test.each<[unknown, string]>([
  [undefined, 'undefined'],
  [3n, '3'],
  [{ forward: 1n, backward: 0 }, '{ forward: 1, backward: 0 }'],
  [{ forward: 1, backward: Number.NaN }, '{ forward: 1, backward: NaN }'],
  [{ forward: -1, backward: 0 }, '{ forward: -1, backward: 0 }'],
  [Promise.resolve(), '{  }'],
  [
    { forward: 1, backward: 0, setup: { forward: Infinity, backward: 0 } },
    '{ forward: 1, backward: 0, setup: { forward: Infinity, backward: 0 } }',
  ],
])('%o is refused', (estimate, got) => {
  expect(() => requireEstimate(meta, estimate)).toThrow(
    'attack acme/blur (version 3): cost() must return { forward, backward } with numbers of at ' +
      `least 0, got ${got}`,
  )
})
