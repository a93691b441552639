/** The results folder of a suite: one file per finished unit, written once, never changed. */
import { existsSync } from 'node:fs'
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from '../checks/check.ts'
import type { StageOutcomes } from '../../plugin/attack-stages.ts'
import type { Shard, Unit } from '../plan/cell.ts'
import { storeError, writeFileAtomic } from '../../base/atomic-file.ts'
import { takeLock } from './lock.ts'

/** What a finished unit leaves: one character per example of its shard. */
export interface UnitOutcome {
  /** Clean and checks: `1` right, `0` wrong. Attack: `w`, `r`, `b` as in `Outcomes`. */
  readonly outcomes: string
  readonly forwardPasses: number
  readonly backwardPasses: number
  readonly elapsedMs: number
  /** Of an attack that has stages: the outcomes had it ended after each. */
  readonly stages?: readonly StageOutcomes[]
  /** Of the probes. */
  readonly checks?: readonly Check[]
  /** Per example, with a curve or from a minimum-norm attack: 0 where it was wrong already, null where it was not broken. */
  readonly breakingEpsilons?: readonly (number | null)[]
  /** Of a corruption, one character per example: `1` right when corrupted, `0` wrong. */
  readonly correct?: string
  /** Of an attack: examples that count as robust although the attack met a misclassified point of their ball. */
  readonly silentSuccesses?: number
}

/** The file of a unit. */
interface UnitRecord {
  readonly schemaVersion: 1
  readonly id: string
  readonly cell: Unit['cell']
  readonly shard: Shard
  readonly outcome: UnitOutcome
}

/** Where a suite's results are: `<results>/<suite id>-<first 8 of its hash>`. */
export function resultsFolder(results: string, suite: { id: string; sha256: string }): string {
  return join(results, `${suite.id}-${suite.sha256.slice(0, 8)}`)
}

/** Finished units by id. A file that is cut short or not of the right form counts as not there. */
export class ResultStore {
  readonly folder: string
  readonly #finished: Map<string, UnitOutcome>
  readonly #release: () => Promise<void>

  private constructor(
    folder: string,
    finished: Map<string, UnitOutcome>,
    release: () => Promise<void>,
  ) {
    this.folder = folder
    this.#finished = finished
    this.#release = release
  }

  /**
   * Opens a folder for writing and locks it. `fresh` forgets what is finished; with `adversarials` an attack's unit is finished only if its
   * adversarial examples were kept.
   * @throws RunError ROBENCH_STORE if it is in use or cannot be written
   */
  static async open(
    folder: string,
    options: { fresh?: boolean; adversarials?: boolean } = {},
  ): Promise<ResultStore> {
    const release = await takeLock(join(folder, 'lock'))
    try {
      if (options.fresh) await clear(folder)
      return new ResultStore(folder, await readFinished(folder, options), release)
    } catch (error) {
      await release()
      throw error
    }
  }

  outcome(id: string): UnitOutcome | undefined {
    return this.#finished.get(id)
  }

  has(id: string): boolean {
    return this.#finished.has(id)
  }

  /** Keeps a finished unit. When this returns, it survives a kill. @throws RunError ROBENCH_STORE */
  async write(unit: Unit, outcome: UnitOutcome): Promise<void> {
    const { id, cell, shard } = unit
    const record: UnitRecord = { schemaVersion: 1, id, cell, shard, outcome }
    await writeFileAtomic(unitFile(this.folder, id), `${JSON.stringify(record, undefined, 1)}\n`)
    this.#finished.set(id, outcome)
  }

  /** Writes another file of the run, such as `result.json`, whole or not at all. */
  async writeFile(name: string, text: string): Promise<string> {
    const path = join(this.folder, name)
    await writeFileAtomic(path, text)
    return path
  }

  /** Unlocks the folder. */
  async close(): Promise<void> {
    await this.#release()
  }
}

/** The finished units of a folder, without locking it; empty if there is no such folder. @param options as of `ResultStore.open` */
export async function readFinished(
  folder: string,
  options: { adversarials?: boolean } = {},
): Promise<Map<string, UnitOutcome>> {
  const units = join(folder, 'units')
  const finished = new Map<string, UnitOutcome>()
  if (!existsSync(units)) return finished
  for (const name of await readdir(units)) {
    if (!name.endsWith('.json')) continue
    const id = name.slice(0, -'.json'.length)
    const record = await readUnit(join(units, name), id)
    if (!record) continue
    const { cell, outcome } = record
    const wanted = options.adversarials && cell.kind === 'attack'
    if (!wanted || existsSync(adversarialFile(folder, id))) finished.set(id, outcome)
  }
  return finished
}

/** The file that keeps a unit. */
export function unitFile(folder: string, id: string): string {
  return join(folder, 'units', `${id}.json`)
}

/** The file that keeps a unit's adversarial examples, if they are kept. */
export function adversarialFile(folder: string, id: string): string {
  return join(folder, 'adversarials', `${id}.npy`)
}

async function readUnit(path: string, id: string): Promise<UnitRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(path, 'utf8')) as UnitRecord
    const { outcome, shard } = record
    const sound =
      record.schemaVersion === 1 &&
      record.id === id &&
      outcome.outcomes.length === shard.end - shard.start &&
      /^[01]*$|^[wrb]*$/.test(outcome.outcomes) &&
      (outcome.stages ?? []).every(({ outcomes }) => outcomes.length === outcome.outcomes.length) &&
      (outcome.breakingEpsilons ?? outcome.outcomes).length === outcome.outcomes.length &&
      (outcome.correct ?? outcome.outcomes).length === outcome.outcomes.length
    return sound ? record : undefined
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
