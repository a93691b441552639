/** The progress of a run: its completed share, its time left, and what runs now. */
import { cellId } from '../plan/cell.ts'
import type { Unit } from '../plan/cell.ts'
import type { PassTimes } from '../plan/model-row.ts'
import { passWeight } from './pass-weight.ts'
import type { Plan, PlannedCell, PlannedRow } from '../plan/plan.ts'
import { ShownTime, scheduledMs } from './time-left.ts'

/** An evaluation of which a worker computes a chunk now. */
export interface RunningCell {
  readonly defense: string
  readonly kind: 'clean' | 'checks' | 'attack'
  /** Name of the attack in the suite; null for other kinds. */
  readonly attack: string | null
  /** The stage that the attack last reported, such as `fab-t` of `autoattack`. */
  readonly stage?: string
  /** Completed examples of the evaluation, those of completed chunks included. */
  readonly done: number
  /** All examples of the evaluation. */
  readonly examples: number
}

/** What a run does, and how long it will take. */
export interface RunStatus {
  /** Expected time left in ms: see `RunProgress`. */
  readonly leftMs: number
  /** True if `leftMs` is an upper bound, because nothing predicts a part of the work. */
  readonly isBound: boolean
  /** The evaluations that run, the one that started first in front. */
  readonly running: readonly RunningCell[]
}

/** What a forecast expects of a cell, relative to its upper bounds. */
export interface LikelyShare {
  /** Weighted passes as a share of the most. */
  readonly passes: number
  /** Elapsed time as a multiple of that of timed passes. */
  readonly pace: number
}

/** What the time of a run depends on. */
export interface RunTiming {
  /** Chunks at the same time, 1 or more. */
  readonly lanes: number
  /** Times of the passes of a model, by the hash that its cells contain. */
  times(model: string): PassTimes
  /** What surveys make likely, by id of the cell; absent for models that were just trained. */
  readonly likely?: ReadonlyMap<string, LikelyShare>
  /** A clock in ms. Its origin does not matter. */
  now(): number
}

/** Passes of a completed unit. */
export interface UnitPasses {
  readonly forwardPasses: number
  readonly backwardPasses: number
  readonly elapsedMs?: number
  /** One character per example: see `ShardOutcome`. */
  readonly outcomes?: string
}

/** Work of one cell. */
interface CellWork {
  readonly what: Pick<RunningCell, 'defense' | 'kind' | 'attack'>
  readonly model: string
  /** Upper bound per example, in weighted passes. */
  readonly most: number
  /** Upper bound per example, in ms by timed passes. */
  readonly mostMs: number
  readonly likely?: LikelyShare
  /** The cell of clean predictions, whose wrong ones cost an attack nothing. */
  readonly clean: string
  /** Examples in completed units of this run or an earlier one, their passes, and their time. */
  examples: number
  weight: number
  elapsedMs: number
  /** Examples in completed units that state their outcomes, and the correct ones of them. */
  judged: number
  correct: number
  /** Examples in open units. */
  open: number
}

/** A unit that runs. */
interface RunningUnit {
  readonly startedMs: number
  done: number
  /** When `done` last changed. */
  reportedMs: number
  stage?: string
}

/** Added to measured and timed work before they are compared: the weight of the timed passes. */
const timedMs = 5000

/** The least share of a unit's remaining time that waiting for its next report leaves. */
const leastShare = 0.2

/**
 * Estimates the completed fraction of a run and its time left. Open units of a cell are assumed to
 * cost as much per example as its completed ones. For a cell without completed units, the survey of
 * its model predicts the cost. Without a survey, the upper bound is used, so that the share is
 * underestimated rather than overestimated; examples that are misclassified without attack cost
 * nothing.
 *
 * The time left is that of the open units on all workers. It follows from completed units, and for
 * the others from timed passes, corrected by the ratio of measured to timed work so far. It counts
 * down, and rises only if the estimate is far above it (`ShownTime`).
 */
export class RunProgress {
  readonly #cells = new Map<string, CellWork>()
  readonly #cellOf = new Map<string, CellWork>()
  readonly #running = new Map<Unit, RunningUnit>()
  readonly #open: Set<Unit>
  readonly #timing: RunTiming
  readonly #shown = new ShownTime()
  #done = 0
  /** The share that was last shown, and the one that was last estimated. */
  #share = 0
  #estimated = 0

  /** @param completed passes of a unit that is already completed */
  constructor(
    plan: Plan,
    completed: (unitId: string) => UnitPasses | undefined,
    timing: RunTiming = { lanes: 1, times: () => ({ forwardMs: 1, backwardMs: 2 }), now: () => 0 },
  ) {
    this.#timing = timing
    for (const row of plan.rows) this.#addRow(row)
    this.#open = new Set()
    for (const unit of plan.units) {
      const cell = this.#cells.get(cellId(unit.cell))!
      this.#cellOf.set(unit.id, cell)
      const passes = completed(unit.id)
      if (passes) addCompleted(cell, unit, passes)
      else {
        cell.open += sizeOf(unit)
        this.#open.add(unit)
      }
    }
  }

  #addRow({ name, clean, checks, attacks }: PlannedRow): void {
    const add = (planned: PlannedCell<Unit['cell']>, attack: string | null): void => {
      // Rows with the same model share their clean predictions.
      if (this.#cells.has(planned.id)) return
      const { passes, cell, verification } = planned
      const { kind, defense, examples } = cell
      const { forwardMs, backwardMs } = this.#timing.times(defense.model)
      const likely = this.#timing.likely?.get(planned.id)
      this.#cells.set(planned.id, {
        what: { defense: name, kind, attack },
        model: defense.model,
        most: Math.max(1, passWeight(passes) / examples),
        mostMs:
          (passes.forward / examples + verification) * forwardMs +
          (passes.backward / examples) * backwardMs,
        ...(likely && { likely }),
        clean: clean.id,
        examples: 0,
        weight: 0,
        elapsedMs: 0,
        judged: 0,
        correct: 0,
        open: 0,
      })
    }
    add(clean, null)
    if (checks) add(checks, null)
    for (const attack of attacks) add(attack, attack.name)
  }

  /** Reports that a worker starts a unit. */
  begin(unit: Unit): void {
    const now = this.#timing.now()
    this.#running.set(unit, { startedMs: now, done: 0, reportedMs: now })
  }

  /**
   * Reports completed examples of a running unit.
   * @param stage of an attack that has stages; without it, the last one stays
   */
  advance(unit: Unit, examples: number, stage?: string): void {
    if (!this.#running.has(unit)) this.begin(unit)
    const running = this.#running.get(unit)!
    if (stage !== undefined) running.stage = stage
    // A unit that is tried again starts over.
    if (examples === running.done) return
    running.done = examples
    running.reportedMs = this.#timing.now()
  }

  /** Reports the end of a unit; without passes, it failed or was skipped. */
  finish(unit: Unit, passes?: UnitPasses): void {
    const cell = this.#cellOf.get(unit.id)!
    this.#running.delete(unit)
    this.#open.delete(unit)
    cell.open -= sizeOf(unit)
    if (passes) this.#done += addCompleted(cell, unit, passes)
  }

  /**
   * Completed fraction of the weighted passes of this run, in [0, 1]. It never decreases, also where
   * a completed unit lowers the estimate, and moves with the work after that: the rest of it shrinks
   * as the estimated rest does.
   */
  get shareDone(): number {
    let total = this.#done
    for (const cell of this.#cells.values()) total += cell.open * this.#weightOf(cell)
    let done = this.#done
    for (const [unit, running] of this.#running) {
      done += running.done * this.#weightOf(this.#cellOf.get(unit.id)!)
    }
    const estimate = total === 0 ? 1 : Math.min(1, done / total)
    if (estimate >= 1) this.#share = 1
    else if (estimate > this.#estimated) {
      this.#share = 1 - ((1 - this.#share) * (1 - estimate)) / (1 - this.#estimated)
    }
    this.#estimated = estimate
    return this.#share
  }

  /** What runs now, and the time left. */
  get status(): RunStatus {
    const now = this.#timing.now()
    const paces = this.#paces()
    const phases = [
      { busy: [] as number[], waiting: [] as number[] },
      { busy: [] as number[], waiting: [] as number[] },
    ] as const
    for (const unit of this.#open) {
      const phase = phases[unit.cell.kind === 'clean' ? 0 : 1]
      const whole = sizeOf(unit) * this.#msOf(this.#cellOf.get(unit.id)!, paces, now)
      const running = this.#running.get(unit)
      if (running) phase.busy.push(remainingMs(whole, running, sizeOf(unit), now))
      else phase.waiting.push(whole)
    }
    const { lanes } = this.#timing
    // Attacks wait for the clean predictions.
    const estimate =
      scheduledMs(phases[0].busy, phases[0].waiting, lanes) +
      scheduledMs(phases[1].busy, phases[1].waiting, lanes)
    const cells = [...this.#open].map(({ id }) => this.#cellOf.get(id)!)
    return {
      leftMs: this.#shown.update(estimate, now),
      isBound: cells.some(
        ({ what, examples, likely }) => what.kind !== 'clean' && examples === 0 && !likely,
      ),
      running: this.#runningCells(),
    }
  }

  #runningCells(): RunningCell[] {
    const found = new Map<CellWork, RunningCell>()
    for (const [unit, { done, stage }] of this.#running) {
      const cell = this.#cellOf.get(unit.id)!
      const { what, examples, open } = cell
      const before = found.get(cell) ?? { ...what, done: examples, examples: examples + open }
      found.set(cell, {
        ...before,
        ...(stage !== undefined && { stage }),
        done: before.done + Math.min(done, sizeOf(unit)),
      })
    }
    return [...found.values()]
  }

  /** Weighted passes per example of an open unit. */
  #weightOf({ most, likely, examples, weight }: CellWork): number {
    if (examples > 0) return weight / examples
    return likely ? Math.min(most, Math.max(1, most * likely.passes)) : most
  }

  /** Milliseconds per example of a whole unit: measured, likely, or else an upper bound. */
  #msOf(cell: CellWork, paces: ReadonlyMap<string, number>, now: number): number {
    if (cell.examples > 0 && cell.elapsedMs > 0) return cell.elapsedMs / cell.examples
    const clean = this.#cells.get(cell.clean)
    const isAttack = cell.what.kind === 'attack'
    const correct = isAttack && clean && clean.judged > 0 ? clean.correct / clean.judged : 1
    // A survey knows of misclassified examples.
    const share = cell.likely?.passes ?? correct
    const most = share * cell.mostMs * (paces.get(cell.model) ?? 1)
    // A part of a running unit is known: its other examples take at most the bound.
    let size = 0
    let ms = 0
    for (const [unit, { startedMs, done }] of this.#running) {
      if (this.#cellOf.get(unit.id) !== cell || done === 0) continue
      size += sizeOf(unit)
      ms += now - startedMs + (sizeOf(unit) - done) * most
    }
    if (size === 0) return most
    return cell.likely ? ms / size : Math.min(most, ms / size)
  }

  /** Measured time as a multiple of timed passes, by model. */
  #paces(): Map<string, number> {
    const sums = new Map<string, { measured: number; timed: number }>()
    for (const { model, weight, elapsedMs, most, mostMs, likely } of this.#cells.values()) {
      const sum = sums.get(model) ?? { measured: timedMs, timed: timedMs }
      // The survey's pace, until more is measured.
      if (likely) sum.measured = Math.max(sum.measured, timedMs * likely.pace)
      if (elapsedMs > 0) {
        sum.measured += elapsedMs
        sum.timed += (weight * mostMs) / most
      }
      sums.set(model, sum)
    }
    return new Map([...sums].map(([model, { measured, timed }]) => [model, measured / timed]))
  }
}

/** Time left of a running unit. @param whole its expected time in ms */
function remainingMs(whole: number, running: RunningUnit, size: number, now: number): number {
  const left = whole * Math.max(0, 1 - running.done / size)
  return Math.max(left - (now - running.reportedMs), leastShare * left)
}

/** Adds a completed unit to its cell. @returns the weight of the unit's passes */
function addCompleted(
  cell: CellWork,
  unit: Unit,
  { forwardPasses, backwardPasses, elapsedMs = 0, outcomes }: UnitPasses,
): number {
  const weight = passWeight({ forward: forwardPasses, backward: backwardPasses })
  cell.weight += weight
  cell.elapsedMs += elapsedMs
  cell.examples += sizeOf(unit)
  if (outcomes !== undefined) {
    cell.judged += outcomes.length
    cell.correct += outcomes.replaceAll(/[^1]/g, '').length
  }
  return weight
}

function sizeOf({ shard }: Unit): number {
  return shard.end - shard.start
}
