/** The results directory of a suite: one file per completed unit, written once, never changed. */
import { existsSync } from 'node:fs'
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from '../checks/check.ts'
import type { StageOutcomes } from '../../plugin/attack-stages.ts'
import type { DrawCounts } from '../../plugin/host.ts'
import type { Shard, Unit } from '../plan/cell.ts'
import { storeError, writeFileAtomic } from '../../base/atomic-file.ts'
import { takeLock } from './lock.ts'

/** The result of a shard. Strings have one character per example of the shard. */
export interface ShardOutcome {
  /**
   * Clean predictions and checks: `1` correct, `0` wrong. Attacks: `w`, `r`, `b` as in `Outcomes`.
   */
  readonly outcomes: string
  readonly forwardPasses: number
  readonly backwardPasses: number
  /** For an attack with stages: the outcomes after each stage. */
  readonly stages?: readonly StageOutcomes[]
  /** For a unit of probes. */
  readonly checks?: readonly Check[]
  /**
   * For a curve or a minimum-norm attack, per example: 0 if misclassified without attack, null if
   * not broken.
   */
  readonly breakingEpsilons?: readonly (number | null)[]
  /** For a corruption: `1` if the corrupted example is classified correctly, else `0`. */
  readonly correct?: string
  /** For an attack on a stochastic model: the correct ones of several predictions. */
  readonly draws?: DrawCounts
  /**
   * For an attack: examples that count as robust although the attack queried a misclassified point
   * of their ball.
   */
  readonly silentSuccesses?: number
}

/** The result of a unit. */
export interface UnitOutcome extends ShardOutcome {
  readonly elapsedMs: number
}

/** Content of a unit's file. */
interface UnitRecord {
  readonly schemaVersion: 1
  readonly id: string
  readonly cell: Unit['cell']
  readonly shard: Shard
  readonly outcome: UnitOutcome
}

/** Results directory of a suite: `<results>/<suite id>-<first 8 digits of its hash>`. */
export function resultsFolder(results: string, suite: { id: string; sha256: string }): string {
  return join(results, `${suite.id}-${suite.sha256.slice(0, 8)}`)
}

/** Completed units by id. A truncated or malformed file is ignored. */
export class ResultStore {
  readonly folder: string
  readonly #completed: Map<string, UnitOutcome>
  readonly #release: () => Promise<void>

  private constructor(
    folder: string,
    completed: Map<string, UnitOutcome>,
    release: () => Promise<void>,
  ) {
    this.folder = folder
    this.#completed = completed
    this.#release = release
  }

  /**
   * Opens a directory for writing and locks it.
   * @param options `fresh` deletes saved results; with `adversarials`, a unit of an attack is
   * completed only if its adversarial examples were saved
   * @throws RunError ROBENCH_STORE if it is in use or cannot be written
   */
  static async open(
    folder: string,
    options: { fresh?: boolean; adversarials?: boolean } = {},
  ): Promise<ResultStore> {
    const release = await takeLock(join(folder, 'lock'))
    try {
      if (options.fresh) await clear(folder)
      return new ResultStore(folder, await readCompleted(folder, options), release)
    } catch (error) {
      await release()
      throw error
    }
  }

  /** The result of a unit; undefined if it is not completed. */
  outcome(id: string): UnitOutcome | undefined {
    return this.#completed.get(id)
  }

  /** Whether a unit is completed. */
  has(id: string): boolean {
    return this.#completed.has(id)
  }

  /**
   * Saves a completed unit. After this resolves, it survives a kill.
   * @throws RunError ROBENCH_STORE
   */
  async write(unit: Unit, outcome: UnitOutcome): Promise<void> {
    const { id, cell, shard } = unit
    const record: UnitRecord = { schemaVersion: 1, id, cell, shard, outcome }
    await writeFileAtomic(unitFile(this.folder, id), `${JSON.stringify(record, undefined, 1)}\n`)
    this.#completed.set(id, outcome)
  }

  /** Writes another file of the run, such as `result.json`, atomically. Returns its path. */
  async writeFile(name: string, text: string): Promise<string> {
    const path = join(this.folder, name)
    await writeFileAtomic(path, text)
    return path
  }

  /** Unlocks the directory. */
  async close(): Promise<void> {
    await this.#release()
  }
}

/**
 * Completed units of a directory, without locking it; empty if it does not exist.
 * @param options as for `ResultStore.open`
 */
export async function readCompleted(
  folder: string,
  options: { adversarials?: boolean } = {},
): Promise<Map<string, UnitOutcome>> {
  const units = join(folder, 'units')
  const completed = new Map<string, UnitOutcome>()
  if (!existsSync(units)) return completed
  for (const name of await readdir(units)) {
    if (!name.endsWith('.json')) continue
    const id = name.slice(0, -'.json'.length)
    const record = await readUnit(join(units, name), id)
    if (!record) continue
    const { cell, outcome } = record
    const wanted = options.adversarials && cell.kind === 'attack'
    if (!wanted || existsSync(adversarialFile(folder, id))) completed.set(id, outcome)
  }
  return completed
}

/** Path of a unit's file. */
export function unitFile(folder: string, id: string): string {
  return join(folder, 'units', `${id}.json`)
}

/** Path of a unit's adversarial examples. */
export function adversarialFile(folder: string, id: string): string {
  return join(folder, 'adversarials', `${id}.npy`)
}

async function readUnit(path: string, id: string): Promise<UnitRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(path, 'utf8')) as UnitRecord
    const { outcome, shard } = record
    const isValid =
      record.schemaVersion === 1 &&
      record.id === id &&
      outcome.outcomes.length === shard.end - shard.start &&
      /^[01]*$|^[wrb]*$/.test(outcome.outcomes) &&
      (outcome.stages ?? []).every(({ outcomes }) => outcomes.length === outcome.outcomes.length) &&
      (outcome.breakingEpsilons ?? outcome.outcomes).length === outcome.outcomes.length &&
      (outcome.draws?.correct ?? outcome.outcomes).length === outcome.outcomes.length &&
      (outcome.correct ?? outcome.outcomes).length === outcome.outcomes.length
    return isValid ? record : undefined
  } catch {
    return undefined
  }
}

async function clear(folder: string): Promise<void> {
  try {
    for (const name of ['units', 'adversarials', 'result.json', 'report.html']) {
      await rm(join(folder, name), { recursive: true, force: true })
    }
  } catch (cause) {
    throw storeError(folder, cause)
  }
}
