/** Selects the units of a pilot run, which predict the cost of the others. */
import { sumBy } from '../../base/sum.ts'
import type { Unit } from '../plan/cell.ts'
import type { Plan, PlannedAttack, PlannedRow } from '../plan/plan.ts'
import { passWeight } from './pass-weight.ts'

/** Fraction of the passes of a row that cheap attacks may take together. */
const cheapShare = 0.05

/**
 * Units of a pilot run: clean predictions, probes, and the cheapest attacks on all examples; of
 * every other attack enough whole units for `examples` examples, spread evenly over the data. They
 * are units of the run itself, which skips them later.
 *
 * The cheap attacks are the cheapest ones, by maximum passes, that together take at most 5 % of
 * their row.
 */
export function pilotUnits(plan: Plan, examples: number): Unit[] {
  const chosen = new Set<string>()
  for (const row of plan.rows) {
    const whole = [row.clean, ...(row.checks ? [row.checks] : []), ...cheapAttacks(row)]
    for (const { units } of whole) for (const { id } of units) chosen.add(id)
    for (const attack of row.attacks) {
      for (const { id } of spread(attack.units, examples)) chosen.add(id)
    }
  }
  return plan.units.filter(({ id }) => chosen.has(id))
}

function cheapAttacks({ attacks }: PlannedRow): PlannedAttack[] {
  const cost = ({ passes }: PlannedAttack): number => passWeight(passes)
  const most = cheapShare * sumBy(attacks, cost)
  const cheap: PlannedAttack[] = []
  let total = 0
  for (const attack of attacks.toSorted((a, b) => cost(a) - cost(b))) {
    total += cost(attack)
    if (total <= most) cheap.push(attack)
  }
  return cheap
}

/** Evenly spaced units that cover this many examples; all units if there are fewer. */
function spread(units: readonly Unit[], examples: number): Unit[] {
  const size = units[0] ? units[0].shard.end - units[0].shard.start : 1
  const count = Math.min(units.length, Math.ceil(examples / size))
  return Array.from(
    { length: count },
    (_, index) => units[Math.floor(((index + 0.5) * units.length) / count)]!,
  )
}
