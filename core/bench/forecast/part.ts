/** Divides the units of a plan among several runs, each of which computes one part. */
import { ConfigError } from '../../base/errors.ts'
import { shown } from '../../base/schema.ts'
import type { Unit } from '../plan/cell.ts'
import { cleanUnitOf } from '../plan/plan.ts'
import type { Plan, PlannedCell } from '../plan/plan.ts'
import { passWeight } from './pass-weight.ts'

/** One of several parts of a plan. */
export interface PlanPart {
  /** From 1 to `count`. */
  readonly index: number
  readonly count: number
}

/** The most parts that a plan is divided into. */
const mostParts = 10_000

/**
 * Parses `i/n`.
 * @param where the option, for messages: `--shard`
 * @throws ConfigError if it is not a pair of integers with 1 ≤ i ≤ n ≤ 10,000
 */
export function parsePart(text: string, where: string): PlanPart {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? []
  if (index && count && index <= count && count <= mostParts) return { index, count }
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${where}: expected i/n with 1 ≤ i ≤ n ≤ ${mostParts}, such as 2/8; got ${shown(text)}`,
  )
}

/**
 * The units of one part. Attacks and probes are distributed by their upper bound of passes, the
 * most expensive first, each to the part with the least work, so that all parts are about equal.
 * Every part also has the clean predictions that its attacks require, which are cheap. Depends on
 * the plan alone, so every machine divides it in the same way.
 */
export function unitsOfPart(plan: Plan, { index, count }: PlanPart): Unit[] {
  const work = new Map<string, number>()
  const cells = plan.rows.flatMap(({ clean, checks, attacks }): PlannedCell<unknown>[] => [
    clean,
    ...(checks ? [checks] : []),
    ...attacks,
  ])
  for (const { units, passes } of cells) {
    const examples = units.at(-1)?.shard.end ?? 1
    for (const { id, shard } of units) {
      work.set(id, (passWeight(passes) * (shard.end - shard.start)) / examples)
    }
  }
  const others = plan.units.filter(({ cell }) => cell.kind !== 'clean')
  // The sort is stable: units of equal work stay in the order of the plan.
  const ordered = others.toSorted((a, b) => work.get(b.id)! - work.get(a.id)!)
  const loads = Array.from({ length: count }, () => 0)
  const chosen = new Set<string>()
  const required = new Set<string>()
  for (const unit of ordered) {
    const part = leastOf(loads)
    loads[part]! += work.get(unit.id)!
    const clean = cleanUnitOf(unit)?.id
    if (clean !== undefined) required.add(clean)
    if (part !== index - 1) continue
    chosen.add(unit.id)
    if (clean !== undefined) chosen.add(clean)
  }
  // Clean predictions that no attack requires.
  const rest = plan.units.filter(({ cell, id }) => cell.kind === 'clean' && !required.has(id))
  rest.forEach(({ id }, place) => {
    if (place % count === index - 1) chosen.add(id)
  })
  return plan.units.filter(({ id }) => chosen.has(id))
}

/** Place of the least number; the first of several. */
function leastOf(numbers: readonly number[]): number {
  let least = 0
  numbers.forEach((value, place) => {
    if (value < numbers[least]!) least = place
  })
  return least
}
