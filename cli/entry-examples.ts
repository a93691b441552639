/** What `leaderboard add` records about the examples of an entry: classes, confusion, pictures. */
import { canonicalJson } from '../core/base/hash.ts'
import { ConfigError } from '../core/base/errors.ts'
import { datasetReference, resolveSuite } from '../core/bench/plan/resolve.ts'
import type { RunResult } from '../core/bench/result/result.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import type { LoadedSuite } from '../core/bench/suite/load.ts'
import { rerunSample } from '../core/bench/verify/rerun.ts'
import { suiteFolder } from '../core/bench/verify/suite-folder.ts'
import { otherBatchSize } from '../core/bench/verify/verify-result.ts'
import type { Dataset } from '../core/data/dataset.ts'
import { loadDataset } from '../core/data/load.ts'
import { join } from 'node:path'
import type { LeaderboardEntry } from '../leaderboard/entry-type.ts'
import { checkExamples } from '../leaderboard/pages/examples-file.ts'
import type { EntryExamples } from '../leaderboard/pages/examples-schema.ts'
import { makeExamples } from '../leaderboard/pages/make-examples.ts'

/** Where the examples of entries come from. */
export interface ExamplesOptions {
  /** Directory of adversarial examples; default: none, and only classes are recorded. */
  readonly adversarials?: string
  /** Directory that paths in the suite are relative to. */
  readonly folder?: string
}

/**
 * Makes the examples of entries of one result. Without a directory of adversarial examples, an entry
 * whose data set is not on this machine has none.
 * @throws ConfigError if the adversarial examples, the data, or the model are not those of the result
 */
export async function examplesOf(
  result: RunResult,
  entries: readonly LeaderboardEntry[],
  { adversarials, folder }: ExamplesOptions,
): Promise<(EntryExamples | undefined)[]> {
  const { suite } = result
  const loaded = checkSuite(suite.content, 'suite', suiteFolder(suite.id, folder))
  if (adversarials === undefined) {
    const dataset = await openDataset(loaded)
    const makeOne = async (entry: LeaderboardEntry): Promise<EntryExamples | undefined> =>
      dataset?.hash === entry.dataset.sha256 ? makeExamples(entry, dataset) : undefined
    return Promise.all(entries.map(makeOne))
  }
  const resolved = await resolveSuite(loaded)
  const batchSize = otherBatchSize(loaded.suite.batchSize)
  // Without entries it only finds the models.
  const { rows } = await rerunSample({
    resolved,
    entries: [],
    sample: 1,
    seed: 0,
    batchSize,
    device: 'cpu',
    threads: 1,
    signal: new AbortController().signal,
  })
  const found: EntryExamples[] = []
  for (const entry of entries) {
    const row = rows.find(
      ({ defense, threatModel }) =>
        defense.name === entry.defense.name &&
        canonicalJson(threatModel) === canonicalJson(entry.threatModel),
    )
    if (row?.model?.identity.sha256 !== entry.model.sha256) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `--adversarials: the model of "${entry.defense.name}" (sha256 ${entry.model.sha256}) is ` +
          'not where the suite says; choose the directory of the suite with --folder',
      )
    }
    const saved = { folder: adversarials, model: row.model, batchSize }
    const made = await makeExamples(entry, resolved.dataset, saved)
    found.push(checkExamples(made, entry, `examples of "${entry.id}"`))
  }
  return found
}

/** The data set of a suite; undefined if it is not on this machine. */
async function openDataset(loaded: LoadedSuite): Promise<Dataset | undefined> {
  try {
    const resolvePath = (path: string): string => join(loaded.folder, path)
    return await loadDataset(datasetReference(loaded), { split: 'test', resolvePath })
  } catch {
    // Accuracies by class are an extra.
    return undefined
  }
}
