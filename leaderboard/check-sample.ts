/** Runs a sample of an entry again, as `leaderboard check` does. */
import { resolve } from 'node:path'
import { ConfigError } from '../core/base/errors.ts'
import { packageVersion } from '../core/base/package-version.ts'
import { resolveSuite } from '../core/bench/plan/resolve.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import type { Suite } from '../core/bench/suite/schema.ts'
import { rerunSample } from '../core/bench/verify/rerun.ts'
import type { RerunReport } from '../core/bench/verify/rerun.ts'
import { suiteFolder } from '../core/bench/verify/suite-folder.ts'
import { otherBatchSize } from '../core/bench/verify/verify-result.ts'
import { hashEntry } from './entry-check.ts'
import type { EntryCheck } from './entry-check.ts'
import { entryCleanOutcomes, entryOutcomes } from './entry-outcomes.ts'
import type { LeaderboardEntry } from './entry-type.ts'

/** How to run a sample again. */
export interface SampleOptions {
  readonly sample: number
  readonly seed: number
  /** The model file, if it is not where the suite says. */
  readonly model?: string
  /** Directory that paths in the suite are relative to; default: see `suiteFolder`. */
  readonly folder?: string
  readonly device: string
  readonly threads: number
  readonly signal: AbortSignal
  progress?(what: string): void
}

/**
 * Runs a sample of an entry again, from the suite inside it.
 * @returns the report, and the record if nothing differs
 * @throws RobenchError for a suite, data, or a model that cannot be used
 */
export async function checkSample(
  entry: LeaderboardEntry,
  label: string,
  { model, folder, ...options }: SampleOptions,
): Promise<{ readonly report: RerunReport; readonly check?: EntryCheck }> {
  // The entry's rules have checked it.
  const content = entry.run.suite.content as unknown as Suite
  const suite = withModel(content, entry.defense.name, model, label)
  const loaded = checkSuite(suite, `${label}#/run/suite/content`, suiteFolder(content.id, folder))
  const resolved = await resolveSuite(loaded)
  const outcomes = entryOutcomes(entry)
  const { dataset, defense, threatModel, checks, training } = entry
  const rerun = await rerunSample({
    ...options,
    resolved,
    batchSize: otherBatchSize(loaded.suite.batchSize),
    entries: [
      {
        defense: { name: defense.name, model: entry.model, ...(training && { training }) },
        dataset,
        threatModel,
        cleanOutcomes: entryCleanOutcomes(entry),
        attacks: entry.attacks.map((attack, index) => ({
          state: 'completed' as const,
          seed: attack.seed,
          outcomes: outcomes[index]!,
          attack,
          ...(attack.silentSuccesses !== undefined && { silentSuccesses: attack.silentSuccesses }),
        })),
        checks: checks.map((check) => ({ ...check, title: check.id })),
      },
    ],
  })
  const differences = [...rerun.differences, ...sizeDifferences(entry, rerun.rows)]
  const report = { ...rerun, differences }
  if (report.differences.length > 0 || report.outcomes === 0) return { report }
  const check: EntryCheck = {
    schemaVersion: 1,
    entry: hashEntry(entry),
    checkedAt: new Date().toISOString(),
    robenchVersion: packageVersion(),
    sample: options.sample,
    seed: options.seed,
    outcomes: report.outcomes,
    held: report.held,
    checks: report.checks,
  }
  return { report, check }
}

/** What the entry states about its model file that is not so. Another file is named elsewhere. */
function sizeDifferences(
  { model, defense }: LeaderboardEntry,
  rows: RerunReport['rows'],
): string[] {
  const row = rows.find(({ model: known }) => known?.identity.sha256 === model.sha256)
  const own = row?.model?.identity
  if (!own) return []
  return (['bytes', 'parameters'] as const).flatMap((key) =>
    own[key] === model[key]
      ? []
      : [
          `defense "${defense.name}": the model file has ${own[key]} ${key}, the entry says ${model[key]}`,
        ],
  )
}

/** The suite with the entry's defense, and with the others only if attacks may need their models. */
function withModel(suite: Suite, name: string, model: string | undefined, label: string): Suite {
  const own = suite.defenses.find((defense) => defense.name === name)
  if (!own) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${label}#/defense/name: the suite has no defense "${name}"`,
    )
  }
  const given =
    model === undefined
      ? own
      : 'file' in (own.options ?? {})
        ? { ...own, options: { ...own.options, file: resolve(model) } }
        : { ...own, model: resolve(model), train: false }
  const surrogates = suite.defenses.filter(({ role }) => role === 'surrogate')
  const transfers = suite.attacks.some(({ plugin }) => plugin === 'transfer')
  const others = transfers ? suite.defenses.filter((defense) => defense !== own) : surrogates
  return { ...suite, defenses: [given, ...others.filter((defense) => defense !== own)] }
}
