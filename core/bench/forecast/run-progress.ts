/** The progress of a run, measured in passes. */
import { cellId } from '../plan/cell.ts'
import type { Unit } from '../plan/cell.ts'
import { passWeight } from './pass-weight.ts'
import type { Plan } from '../plan/plan.ts'

/** Work of one cell. */
interface CellWork {
  /** Upper bound per example. */
  readonly most: number
  /** Examples in completed units of this run or an earlier one, and their passes. */
  examples: number
  weight: number
  /** Examples in open units. */
  open: number
}

/** Passes of a completed unit. */
export interface UnitPasses {
  readonly forwardPasses: number
  readonly backwardPasses: number
}

/**
 * Estimates the completed fraction of a run. Open units of a cell are assumed to cost as much per
 * example as its completed ones. For a cell without completed units, the upper bound is used, so
 * that the share is underestimated rather than overestimated.
 */
export class RunProgress {
  readonly #cells = new Map<string, CellWork>()
  readonly #cellOf = new Map<string, CellWork>()
  /** Completed examples of running units. */
  readonly #running = new Map<Unit, number>()
  #done = 0
  #share = 0

  /** @param completed passes of a unit that is already completed */
  constructor(plan: Plan, completed: (unitId: string) => UnitPasses | undefined) {
    for (const { clean, checks, attacks } of plan.rows) {
      for (const { id, passes, cell } of [clean, ...(checks ? [checks] : []), ...attacks]) {
        const most = Math.max(1, passWeight(passes) / cell.examples)
        this.#cells.set(id, { most, examples: 0, weight: 0, open: 0 })
      }
    }
    for (const unit of plan.units) {
      const cell = this.#cells.get(cellId(unit.cell))!
      this.#cellOf.set(unit.id, cell)
      const passes = completed(unit.id)
      if (passes) addCompleted(cell, unit, passes)
      else cell.open += sizeOf(unit)
    }
  }

  /** Reports completed examples of a running unit. */
  advance(unit: Unit, examples: number): void {
    this.#running.set(unit, examples)
  }

  /** Reports the end of a unit; without passes, it failed or was skipped. */
  finish(unit: Unit, passes?: UnitPasses): void {
    const cell = this.#cellOf.get(unit.id)!
    this.#running.delete(unit)
    cell.open -= sizeOf(unit)
    if (passes) this.#done += addCompleted(cell, unit, passes)
  }

  /** Completed fraction of the weighted passes of this run, in [0, 1]; never decreases. */
  get shareDone(): number {
    let total = this.#done
    for (const cell of this.#cells.values()) total += cell.open * perExample(cell)
    let done = this.#done
    for (const [unit, examples] of this.#running) {
      done += examples * perExample(this.#cellOf.get(unit.id)!)
    }
    this.#share = Math.max(this.#share, total === 0 ? 1 : Math.min(1, done / total))
    return this.#share
  }
}

/** Adds a completed unit to its cell. @returns the weight of the unit's passes */
function addCompleted(
  cell: CellWork,
  unit: Unit,
  { forwardPasses, backwardPasses }: UnitPasses,
): number {
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
