/** A cell names the packages whose code it runs: a worker imports no others. */
import { expect, test } from 'vitest'
import { packagesOfCell } from '../../../../core/bench/plan/cell-packages.ts'
import type { AttackCell, Cell } from '../../../../core/bench/plan/cell.ts'

const acme = { name: 'acme', version: '1.0.0', integrity: 'a' }
const other = { name: 'other', version: '1.0.0', integrity: 'b' }

function cellOf(attack: Partial<AttackCell['attack']>): Cell {
  const whole = { kind: 'attack', attack: { plugin: 'x', version: 1, options: {}, ...attack } }
  // Only the attack counts.
  return whole as unknown as Cell
}

test('packages of an attack and of those that it wraps', () => {
  expect(packagesOfCell(cellOf({}))).toEqual([])
  expect(packagesOfCell(cellOf({ package: other }))).toEqual(['other'])
  const inner = { id: 'acme/a', version: 1, options: {}, package: acme }
  expect(packagesOfCell(cellOf({ options: { attack: inner } }))).toEqual(['acme'])
  expect(packagesOfCell(cellOf({ options: { list: [inner] }, package: other }))).toEqual([
    'acme',
    'other',
  ])
  // An option that is called like it is not a package.
  expect(packagesOfCell(cellOf({ options: { package: 'acme' } }))).toEqual([])
})

test('clean predictions and probes run no third-party code', () => {
  expect(packagesOfCell({ kind: 'clean', defense: { package: acme } } as unknown as Cell)).toEqual(
    [],
  )
})
