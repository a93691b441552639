/** The results directory of a suite: one file per completed unit, written once, never changed. */
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { deviceKind } from '../../engine/graph/session-device.ts'
import type { Unit } from '../plan/cell.ts'
import { storeError, writeFileAtomic } from '../../base/atomic-file.ts'
import { readBytes } from '../../base/read-file.ts'
import { hashBytes } from '../../base/hash.ts'
import { hasAdversarials } from './adversarials.ts'
import { takeLock } from './lock.ts'
import { decodeUnit, encodeUnit } from './unit-file.ts'
import type { StoredUnit } from './unit-file.ts'
import type { UnitOutcome } from './unit-outcome.ts'

/** The completed units of a directory. */
export interface StoredUnits {
  /** By id. */
  readonly units: ReadonlyMap<string, StoredUnit>
  /** One text per file that cannot be used: its path, and what is wrong. */
  readonly damaged: readonly string[]
}

/**
 * Results directory of a suite: `<results>/<suite id>-<first 8 digits of its hash>`, and the device
 * unless that is the CPU, as in `mini-01234567-cuda-float16`: results of two devices are kept.
 */
export function resultsFolder(
  results: string,
  { id, sha256, device = 'cpu' }: { id: string; sha256: string; device?: string },
): string {
  const suffix = device === 'cpu' ? '' : `-${deviceKind(device).replace('/', '-')}`
  return join(results, `${id}-${sha256.slice(0, 8)}${suffix}`)
}

/** Completed units by id. Damaged files are not used, and listed. */
export class ResultStore {
  readonly folder: string
  /** One text per file that was found damaged when the store was opened. */
  readonly damaged: readonly string[]
  readonly #completed: Map<string, Pick<StoredUnit, 'outcome' | 'checksum'>>
  readonly #release: () => Promise<void>

  private constructor(folder: string, stored: StoredUnits, release: () => Promise<void>) {
    this.folder = folder
    this.damaged = stored.damaged
    this.#completed = new Map(stored.units)
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
      return new ResultStore(folder, await readUnits(folder, options), release)
    } catch (error) {
      await release()
      throw error
    }
  }

  /** The result of a unit; undefined if it is not completed. */
  outcome(id: string): UnitOutcome | undefined {
    return this.#completed.get(id)?.outcome
  }

  /** Whether a unit is completed. */
  has(id: string): boolean {
    return this.#completed.has(id)
  }

  /** Treats a completed unit as open, so that it runs again. */
  reopen(id: string): void {
    this.#completed.delete(id)
  }

  /**
   * Saves a completed unit. After this resolves, it survives a kill.
   * @throws RunError ROBENCH_STORE
   */
  async write(unit: Unit, outcome: UnitOutcome): Promise<void> {
    const { bytes, checksum } = encodeUnit(unit, outcome)
    await writeFileAtomic(unitFile(this.folder, unit.id), bytes)
    this.#completed.set(unit.id, { outcome, checksum })
  }

  /** One checksum over the completed ones of these units. */
  evidence(ids: readonly string[]): UnitsEvidence {
    return evidenceOf(
      ids.flatMap((id) => {
        const found = this.#completed.get(id)
        return found ? [{ id, checksum: found.checksum }] : []
      }),
    )
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

/** The units that a result was made from, as one checksum. */
export interface UnitsEvidence {
  readonly count: number
  /** sha256 over the lines `<id> <checksum>`, sorted. */
  readonly sha256: string
}

/** One checksum over units, in any order. */
export function evidenceOf(units: readonly Pick<StoredUnit, 'id' | 'checksum'>[]): UnitsEvidence {
  const lines = units.map(({ id, checksum }) => `${id} ${checksum}\n`).toSorted()
  return { count: lines.length, sha256: hashBytes(new TextEncoder().encode(lines.join(''))) }
}

/** The outcomes of `readUnits` by id. */
export async function readCompleted(
  folder: string,
  options: { adversarials?: boolean } = {},
): Promise<Map<string, UnitOutcome>> {
  const { units } = await readUnits(folder, options)
  return new Map([...units].map(([id, { outcome }]) => [id, outcome]))
}

/**
 * Completed units of a directory, without locking it; none if it does not exist.
 * @param options as for `ResultStore.open`
 */
export async function readUnits(
  folder: string,
  options: { adversarials?: boolean } = {},
): Promise<StoredUnits> {
  const units = join(folder, 'units')
  const found = new Map<string, StoredUnit>()
  const damaged: string[] = []
  if (!existsSync(units)) return { units: found, damaged }
  const hasPoints = options.adversarials ? await hasAdversarials(folder) : () => true
  for (const name of (await readdir(units)).toSorted()) {
    if (!name.endsWith(ending)) continue
    const path = join(units, name)
    const unit = await readUnit(path, name.slice(0, -ending.length))
    if (typeof unit === 'string') damaged.push(`${path} ${unit}`)
    else if (unit.cell.kind !== 'attack' || hasPoints(unit.id)) found.set(unit.id, unit)
  }
  return { units: found, damaged }
}

/** Ids of the units that a directory has files of, without reading them. */
export async function namedUnits(folder: string): Promise<ReadonlySet<string>> {
  const units = join(folder, 'units')
  const names = existsSync(units) ? await readdir(units) : []
  return new Set(
    names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length)),
  )
}

/** Path of a unit's file. */
export function unitFile(folder: string, id: string): string {
  return join(folder, 'units', `${id}${ending}`)
}

/** Of the name of a unit's file, after its id. */
const ending = '.json'

/** Largest file of a unit, in bytes. */
const mostUnitBytes = 2 ** 28

async function readUnit(path: string, name: string): Promise<StoredUnit | string> {
  const limits = { code: 'ROBENCH_STORE', mostBytes: mostUnitBytes } as const
  try {
    return decodeUnit(await readBytes(path, limits), name)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `cannot be read: ${reason.replace(`${path}: `, '')}`
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
