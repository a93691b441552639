/** Merges the results of several runs of one suite into one results directory. */
import { copyFile, readdir } from 'node:fs/promises'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../base/make-folder.ts'
import { storeError } from '../../base/atomic-file.ts'
import { ConfigError, RunError } from '../../base/errors.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import { countOf } from '../../base/figures.ts'
import { canonicalJson } from '../../base/hash.ts'
import { kindOf } from '../../base/read-file.ts'
import { sumBy } from '../../base/sum.ts'
import { unitPointsFile } from '../store/adversarials.ts'
import { ResultStore, readUnits, resultsFolder } from '../store/store.ts'
import type { StoredUnit } from '../store/unit-file.ts'
import type { UnitOutcome } from '../store/unit-outcome.ts'
import type { RunEnvironment } from './assemble.ts'
import { partFileName, planOfPart, readPart } from './part-file.ts'
import type { PartFile } from './part-file.ts'
import type { SuiteRun } from './settings.ts'
import { writeResult } from './write-result.ts'

/** What to merge. */
export interface MergeRequest {
  /** Results directories, or directories that contain them. */
  readonly folders: readonly string[]
  /** Directory that will hold the merged results directory; defaults to `results`. */
  readonly resultsFolder?: string
  /** The command line, for the result file. */
  readonly command?: string
  readonly notice?: (text: string) => void
}

/** A results directory, and its description if it is that of a part. */
interface Source {
  readonly folder: string
  readonly file?: PartFile
}

/**
 * Merges results directories of parts, and of whole runs of the same suite. Nothing is computed;
 * neither data nor models are needed.
 * @throws ConfigError if there is nothing to merge, or the directories belong to different plans;
 * RunError ROBENCH_STORE if chunks are missing, two directories have different outcomes for the
 * same chunk, or the result cannot be written
 */
export async function mergeParts(request: MergeRequest): Promise<SuiteRun> {
  const sources = await findSources(request.folders)
  const files = sources.flatMap(({ file }) => (file ? [file] : []))
  const [first] = files
  if (!first) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${request.folders.join(', ')}: no results of \`robench run --shard\` found ` +
        `(directories with a ${partFileName})`,
    )
  }
  requireOnePlan(sources, first)
  const { rows, plan } = planOfPart(first)
  const errors = new Map<string, ErrorRecord>(files.flatMap(({ errors: e }) => Object.entries(e)))
  const found = await collectUnits(sources, request.notice)
  const missing = plan.units.filter(
    ({ id, cell }) => !found.has(id) && !hasFailed(cell, errors, plan),
  )
  if (missing.length > 0) throw incomplete(missing.length, plan.units.length, files)
  const { suite, saveAdversarial } = first.shared
  const target = resultsFolder(request.resultsFolder ?? 'results', {
    id: suite.loaded.suite.id,
    sha256: suite.loaded.sha256,
    ...(plan.units[0] && { device: plan.units[0].cell.device }),
  })
  const store = await ResultStore.open(target)
  try {
    for (const unit of plan.units) {
      const stored = found.get(unit.id)
      if (!stored) continue
      if (!store.has(unit.id)) await store.write(unit, stored.unit.outcome)
      if (saveAdversarial) await copyPoints(stored.folder, target, unit.id)
    }
    return await writeResult(store, {
      resolved: suite,
      rows,
      plan,
      errors,
      failures: [],
      startedAt: least(files.map(({ startedAt }) => startedAt)),
      finishedAt: least(
        files.map(({ finishedAt }) => finishedAt),
        -1,
      ),
      environment: joinEnvironments(files.map(({ environment }) => environment)),
      ...(request.command !== undefined && { command: request.command }),
      saveAdversarial,
    })
  } finally {
    await store.close()
  }
}

/** The results directories at these paths, or directly inside them, in a fixed order. */
async function findSources(folders: readonly string[]): Promise<Source[]> {
  const found = new Map<string, Source>()
  const add = (folder: string): void => {
    const file = readPart(folder)
    if (file || existsSync(join(folder, 'units'))) {
      found.set(folder, { folder, ...(file && { file }) })
    }
  }
  for (const folder of folders) {
    add(folder)
    if (found.has(folder)) continue
    const names = await readdir(folder).catch((cause: unknown) => {
      throw unreadableFolder(folder, cause)
    })
    for (const name of names.toSorted()) {
      // A directory of several suites: whole runs in it need not belong to the shards.
      if (existsSync(join(folder, name, partFileName))) add(join(folder, name))
    }
  }
  return [...found.values()]
}

function unreadableFolder(folder: string, cause: unknown): ConfigError {
  const stats = statSync(folder, { throwIfNoEntry: false })
  const reason = stats
    ? stats.isDirectory()
      ? `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      : `expected a results directory, got ${kindOf(stats)}`
    : 'not found'
  return new ConfigError('ROBENCH_CONFIG', `${folder}: ${reason}`, { cause })
}

function requireOnePlan(sources: readonly Source[], first: PartFile): void {
  const own = sources.find(({ file }) => file === first)!
  const other = sources.find(({ file }) => file && file.plan !== first.plan)
  if (!other) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${other.folder} and ${own.folder} are shards of different plans: the suite, its data, its ` +
      'models, the device, or the version of robench differ; merge them separately',
  )
}

interface FoundUnit {
  readonly folder: string
  readonly unit: StoredUnit
}

/** @throws RunError ROBENCH_STORE if outcomes differ */
async function collectUnits(
  sources: readonly Source[],
  notice: MergeRequest['notice'],
): Promise<Map<string, FoundUnit>> {
  const found = new Map<string, FoundUnit>()
  for (const { folder } of sources) {
    const { units, damaged } = await readUnits(folder)
    for (const text of damaged) notice?.(text)
    for (const [id, unit] of units) {
      const earlier = found.get(id)
      if (!earlier) found.set(id, { folder, unit })
      else if (identityOf(earlier.unit.outcome) !== identityOf(unit.outcome)) {
        throw new RunError(
          'ROBENCH_STORE',
          `chunk ${id.slice(0, 12)} has different outcomes in ${earlier.folder} and ${folder}: ` +
            'their machines do not compute the same; run all shards on machines of one kind',
        )
      }
    }
  }
  return found
}

/** An outcome without its time. */
function identityOf({ elapsedMs: _elapsed, ...outcome }: UnitOutcome): string {
  return canonicalJson(outcome)
}

/** Whether a cell has an error in one of the parts, itself or in its clean predictions. */
function hasFailed(
  cell: StoredUnit['cell'],
  errors: ReadonlyMap<string, ErrorRecord>,
  { rows }: ReturnType<typeof planOfPart>['plan'],
): boolean {
  if (errors.size === 0) return false
  return rows.some(({ clean, checks, attacks }) => {
    const own = [clean, ...(checks ? [checks] : []), ...attacks].find((one) => one.cell === cell)
    return own !== undefined && (errors.has(own.id) || errors.has(clean.id))
  })
}

function incomplete(missing: number, total: number, files: readonly PartFile[]): RunError {
  const counts = new Set(files.map(({ part }) => part.count))
  const [count = 0] = counts
  const present = new Set(files.map(({ part }) => part.index))
  const absent = Array.from({ length: count }, (_, place) => place + 1).filter(
    (index) => !present.has(index),
  )
  const which =
    counts.size === 1 && absent.length > 0
      ? `missing: ${absent
          .slice(0, 10)
          .map((index) => `--shard ${index}/${count}`)
          .join(', ')}` + (absent.length > 10 ? ` and ${absent.length - 10} more` : '')
      : 'run the incomplete shards again; they skip what is done'
  return new RunError(
    'ROBENCH_STORE',
    `${missing} of ${countOf(total, 'chunk')} not found; ${which}`,
  )
}

async function copyPoints(from: string, to: string, id: string): Promise<void> {
  const source = unitPointsFile(from, id)
  const target = unitPointsFile(to, id)
  if (!existsSync(source) || from === to) return
  try {
    await makeFolder(dirname(target))
    await copyFile(source, target)
  } catch (cause) {
    throw storeError(target, cause)
  }
}

/** The environments of several machines as one: their workers together, their processors listed. */
function joinEnvironments(all: readonly RunEnvironment[]): RunEnvironment {
  const [first] = all as [RunEnvironment]
  const listed = (value: (one: RunEnvironment) => string): string =>
    [...new Set(all.map(value))].join(', ')
  return {
    ...first,
    node: listed(({ node }) => node),
    platform: listed(({ platform }) => platform),
    cpu: listed(({ cpu }) => cpu),
    workers: sumBy(all, ({ workers }) => workers),
  }
}

/** The first time in order; the last one with sign −1. */
function least(times: readonly string[], sign = 1): string {
  return times.toSorted((a, b) => sign * (Date.parse(a) - Date.parse(b)))[0]!
}
