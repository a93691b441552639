/** Which units come first when a plan is to be told from a part of the work. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pilotUnits } from '../../../../core/bench/forecast/pilot.ts'
import type { Plan } from '../../../../core/bench/plan/plan.ts'
import { toyPlan } from '../plan/toy-plan.ts'

/** @param attacks forward passes an example, by name */
function planOf(examples: number, attacks: Readonly<Record<string, number>>): Plan {
  return toyPlan(
    examples,
    Object.fromEntries(
      Object.entries(attacks).map(([name, forward]) => [name, { forward, backward: 0 }]),
    ),
  )
}

/** Where the chosen units of an attack begin; of clean predictions for null. */
function starts(plan: Plan, examples: number, name: string | null): number[] {
  return pilotUnits(plan, examples)
    .filter(({ cell }) => (cell.kind === 'attack' ? cell.attack.plugin : null) === name)
    .map(({ shard }) => shard.start)
}

describe('a pilot run', () => {
  const plan = planOf(5000, { dear: 1000, cheap: 20, cheapest: 1 })

  test('does clean predictions and the cheap attacks whole, and spreads what it does of the dear ones', () => {
    expect(starts(plan, 1, null)).toHaveLength(10)
    expect(starts(plan, 1, 'cheapest')).toHaveLength(10)
    expect(starts(plan, 1, 'cheap')).toHaveLength(10)
    expect(starts(plan, 1, 'dear')).toEqual([2500])
    expect(starts(plan, 1000, 'dear')).toEqual([1000, 3500])
    expect(starts(plan, 2500, 'dear')).toEqual([500, 1500, 2500, 3500, 4500])
  })

  test('an attack that is most of the work is not cheap, however few passes it takes', () => {
    expect(starts(planOf(5000, { only: 1 }), 500, 'only')).toEqual([2500])
  })

  test('holds as many examples as asked, in whole units and no more of them than needed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4000 }),
        fc.integer({ min: 1, max: 6000 }),
        (size, wanted) => {
          const only = planOf(size, { only: 1 })
          const chosen = pilotUnits(only, wanted).filter(({ cell }) => cell.kind === 'attack')
          const examples = chosen.reduce((sum, { shard }) => sum + shard.end - shard.start, 0)
          const all = Math.ceil(size / 500)
          expect(chosen).toHaveLength(Math.min(all, Math.ceil(wanted / Math.min(size, 500))))
          expect(new Set(chosen).size).toBe(chosen.length)
          if (wanted >= size) expect(examples).toBe(size)
        },
      ),
    )
  })
})
