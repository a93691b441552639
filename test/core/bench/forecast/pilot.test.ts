/** The selection of units for a pilot run. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pilotUnits } from '../../../../core/bench/forecast/pilot.ts'
import type { Plan } from '../../../../core/bench/plan/plan.ts'
import { toyPlan } from '../plan/toy-plan.ts'

/** @param attacks forward passes per example, by name */
function planOf(examples: number, attacks: Readonly<Record<string, number>>): Plan {
  return toyPlan(
    examples,
    Object.fromEntries(
      Object.entries(attacks).map(([name, forward]) => [name, { forward, backward: 0 }]),
    ),
  )
}

/** First examples of the chosen units of an attack, or of clean predictions for null. */
function starts(plan: Plan, examples: number, name: string | null): number[] {
  return pilotUnits(plan, examples)
    .filter(({ cell }) => (cell.kind === 'attack' ? cell.attack.plugin : null) === name)
    .map(({ shard }) => shard.start)
}

describe('a pilot run', () => {
  const plan = planOf(5000, { dear: 1000, cheap: 20, cheapest: 1 })

  test('takes all of clean predictions and cheap attacks, and spreads units of the others', () => {
    expect(starts(plan, 1, null)).toHaveLength(10)
    expect(starts(plan, 1, 'cheapest')).toHaveLength(10)
    expect(starts(plan, 1, 'cheap')).toHaveLength(10)
    expect(starts(plan, 1, 'dear')).toEqual([2500])
    expect(starts(plan, 1000, 'dear')).toEqual([1000, 3500])
    expect(starts(plan, 2500, 'dear')).toEqual([500, 1500, 2500, 3500, 4500])
  })

  test('does not count an attack as cheap that is most of the work', () => {
    expect(starts(planOf(5000, { only: 1 }), 500, 'only')).toEqual([2500])
  })

  test('covers the requested examples with as few whole units as possible', () => {
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
