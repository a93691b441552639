/** How far a run is, in passes: what is done, and what the rest may take by what is known of it. */
import type { PassEstimate } from '../../plugin/contract.ts'
import { cellId } from '../plan/cell.ts'
import type { Unit } from '../plan/cell.ts'
import type { Plan } from '../plan/plan.ts'

/** A backward pass counts as two, which is about what it takes. */
export function passWeight({ forward, backward }: PassEstimate): number {
  return forward + 2 * backward
}

/** Of a cell of the plan. */
interface CellWork {
  /** Per example, at most. */
  readonly most: number
  /** In finished units, this run's or an earlier one's. */
  examples: number
  weight: number
  /** Examples of open units. */
  left: number
}

/** What a finished unit tells. */
export interface UnitPasses {
  readonly forwardPasses: number
  readonly backwardPasses: number
}

/**
 * Knows of each cell what its finished units took, and takes the others to be like them. Of a cell without a finished unit it
 * knows only what an example that is never fooled takes: a run is further than it says, rather than less far.
 */
export class WorkLeft {
  readonly #cells = new Map<string, CellWork>()
  readonly #cellOf = new Map<string, CellWork>()
  /** Examples that the units at work have seen. */
  readonly #atWork = new Map<Unit, number>()
  #done = 0
  #share = 0

  /** @param finished what a unit took, if it is finished already */
  constructor(plan: Plan, finished: (unitId: string) => UnitPasses | undefined) {
    for (const { clean, checks, attacks } of plan.rows) {
      for (const { id, passes, cell } of [clean, ...(checks ? [checks] : []), ...attacks]) {
        const most = Math.max(1, passWeight(passes) / cell.examples)
        this.#cells.set(id, { most, examples: 0, weight: 0, left: 0 })
      }
    }
    for (const unit of plan.units) {
      const cell = this.#cells.get(cellId(unit.cell))!
      this.#cellOf.set(unit.id, cell)
      const passes = finished(unit.id)
      if (passes) learn(cell, unit, passes)
      else cell.left += sizeOf(unit)
    }
  }

  /** So many of the unit's examples are done. */
  advance(unit: Unit, examples: number): void {
    this.#atWork.set(unit, examples)
  }

  /** The unit is over; without passes, it failed or was given up. */
  finish(unit: Unit, passes?: UnitPasses): void {
    const cell = this.#cellOf.get(unit.id)!
    this.#atWork.delete(unit)
    cell.left -= sizeOf(unit)
    if (passes) this.#done += learn(cell, unit, passes)
  }

  /** In [0, 1], by weighted passes of this run; never less than it was. */
  get shareDone(): number {
    let total = this.#done
    for (const cell of this.#cells.values()) total += cell.left * perExample(cell)
    let done = this.#done
    for (const [unit, examples] of this.#atWork) {
      done += examples * perExample(this.#cellOf.get(unit.id)!)
    }
    this.#share = Math.max(this.#share, total === 0 ? 1 : Math.min(1, done / total))
    return this.#share
  }
}

/** @returns the weight of the unit's passes */
function learn(cell: CellWork, unit: Unit, { forwardPasses, backwardPasses }: UnitPasses): number {
  const weight = passWeight({ forward: forwardPasses, backward: backwardPasses })
  cell.weight += weight
  cell.examples += sizeOf(unit)
  return weight
}

function perExample({ most, examples, weight }: CellWork): number {
  return examples === 0 ? most : weight / examples
}

function sizeOf({ shard }: Unit): number {
  return shard.end - shard.start
}
