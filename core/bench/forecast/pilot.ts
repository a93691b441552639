/** Which units of a plan to do first, to know what the others will take. */
import type { Unit } from '../plan/cell.ts'
import type { Plan, PlannedAttack, PlannedRow } from '../plan/plan.ts'
import { passWeight } from './work-left.ts'

/** A cheap attack may take this much of all the passes of its row before it is only sampled. */
const cheapShare = 0.05

/**
 * The units of a pilot run: clean predictions, probes and the cheapest attacks on all examples, and of every other attack as many whole units
 * as it takes for `examples` examples, spread evenly over the data. They are units of the run itself, which skips them later.
 *
 * Which attacks are cheap depends on what they take at most: as many as come to 5 % of their row, from the cheapest on.
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
  const most = cheapShare * attacks.reduce((sum, attack) => sum + cost(attack), 0)
  const cheap: PlannedAttack[] = []
  let total = 0
  for (const attack of attacks.toSorted((a, b) => cost(a) - cost(b))) {
    total += cost(attack)
    if (total <= most) cheap.push(attack)
  }
  return cheap
}

/** So many units of equal distance that they hold the examples, or all. */
function spread(units: readonly Unit[], examples: number): Unit[] {
  const size = units[0] ? units[0].shard.end - units[0].shard.start : 1
  const count = Math.min(units.length, Math.ceil(examples / size))
  return Array.from(
    { length: count },
    (_, index) => units[Math.floor(((index + 0.5) * units.length) / count)]!,
  )
}
