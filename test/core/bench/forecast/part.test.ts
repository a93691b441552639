/** Division of a plan among several runs. */
import { expect, test } from 'vitest'
import { parsePart, unitsOfPart } from '../../../../core/bench/forecast/part.ts'
import { cleanUnitOf } from '../../../../core/bench/plan/plan.ts'
import { toyPlan } from '../plan/toy-plan.ts'

const plan = toyPlan(2600, {
  cheap: { forward: 10, backward: 10 },
  middle: { forward: 100, backward: 100 },
  expensive: { forward: 1000, backward: 1000 },
})

test.each([1, 2, 3, 7, 40])('%i parts have every unit, and what their attacks require', (count) => {
  const seen = new Map<string, number>()
  for (let index = 1; index <= count; index++) {
    const units = unitsOfPart(plan, { index, count })
    const ids = units.map(({ id }) => id)
    for (const unit of units) {
      const clean = cleanUnitOf(unit)
      if (clean) expect(ids).toContain(clean.id)
      if (unit.cell.kind !== 'clean') seen.set(unit.id, (seen.get(unit.id) ?? 0) + 1)
      else seen.set(unit.id, 1)
    }
  }
  expect([...seen.keys()].toSorted()).toEqual(plan.units.map(({ id }) => id).toSorted())
  expect([...seen.values()].every((times) => times === 1)).toBe(true)
})

test('the work of the parts differs by at most one of the most expensive chunks', () => {
  const costs: Record<string, number> = { cheap: 30, middle: 300, expensive: 3000 }
  const work = [1, 2, 3, 4].map((index) =>
    unitsOfPart(plan, { index, count: 4 })
      .map(({ cell, shard }) =>
        cell.kind === 'attack' ? costs[cell.attack.plugin]! * (shard.end - shard.start) : 0,
      )
      .reduce((sum, one) => sum + one, 0),
  )
  expect(Math.max(...work) - Math.min(...work)).toBeLessThanOrEqual(3000 * 500)
  expect(work.reduce((sum, one) => sum + one, 0)).toBe(2600 * 3330)
})

test('i/n is parsed', () => {
  expect(parsePart('2/8', '--shard')).toEqual({ index: 2, count: 8 })
})

test.each(['0/3', '4/3', '1', '1/0', '-1/3', '1/10001', '1/3/4', '', '1.5/3'])(
  '--shard %s is refused',
  (text) => {
    expect(() => parsePart(text, '--shard')).toThrow(
      `--shard: expected i/n with 1 ≤ i ≤ n ≤ 10000, such as 2/8; got "${text}"`,
    )
  },
)
