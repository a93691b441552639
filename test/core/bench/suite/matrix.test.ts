/** The attacks of a matrix. */
import { expect, test } from 'vitest'
import { suiteAttacks } from '../../../../core/bench/suite/matrix.ts'
import type { Suite } from '../../../../core/bench/suite/schema.ts'

function named(...attacks: Suite['attacks']): readonly string[] {
  return suiteAttacks({ attacks } as Suite).map(({ name }) => name)
}

test('an attack without a matrix is one attack, named after its plugin by default', () => {
  expect(named({ plugin: 'pgd' }, { plugin: 'pgd', name: 'long' })).toEqual(['pgd', 'long'])
})

test('the last option of a matrix changes fastest, and every value is in the name', () => {
  const matrix = { radius: [4, 8], band: ['high', 'low'] }
  expect(named({ plugin: 'high-pass', matrix })).toEqual([
    'high-pass-4-high',
    'high-pass-4-low',
    'high-pass-8-high',
    'high-pass-8-low',
  ])
})

test('values extend and override the stated options; names contain no special characters', () => {
  const attack = { plugin: 'pgd', options: { steps: 3, loss: 'dlr' }, matrix: { loss: ['a/b'] } }
  expect(suiteAttacks({ attacks: [attack] } as unknown as Suite)).toEqual([
    { name: 'pgd-a-b', plugin: 'pgd', options: { steps: 3, loss: 'a/b' }, index: 0 },
  ])
})
