/** Downloads a published data set: tries its sources in order and verifies every file. */
import { rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { makeFolder } from '../base/make-folder.ts'
import { ConfigError, RobenchError, RunError } from '../base/errors.ts'
import { dataFolder } from '../base/paths.ts'
import { writing } from './disk-error.ts'
import { embeddedId } from './embedded.ts'
import { inspectFile, offlineAdvice } from './published.ts'
import type {
  DataSource,
  PublishedDataset,
  PublishedFile,
  PullContext,
  StepProgress,
} from './published.ts'
import { findPublished } from './registry.ts'
import { localFolder } from './sources/local-folder.ts'

/** The source and destination of the files. */
export interface PullOptions {
  /** A directory with the files, uncompressed or not, or with archives; the only source then. */
  readonly from?: string | undefined
  /** Default: `ROBENCH_DATA`, or `data` in the per-user cache. */
  readonly folder?: string | undefined
  readonly onProgress?: ((progress: PullProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** The current step. In bytes; `total` is absent while unknown. */
export interface PullProgress extends StepProgress {
  readonly source: string
}

/** The verified files, and their sources. */
export interface PullOutcome {
  readonly id: string
  /** Where the files are; absent for the embedded set, which needs none. */
  readonly folder?: string
  /** Titles of the sources that provided files; empty if all files were in place and valid. */
  readonly sources: readonly string[]
  /** Why other sources failed. */
  readonly failures: readonly string[]
  readonly files: readonly string[]
}

/**
 * Downloads the files of a data set into the data directory; valid files are kept.
 * @throws ConfigError ROBENCH_CONFIG for an unknown id, ROBENCH_DATA if `from` is not a directory
 * @throws RunError ROBENCH_DATA_UNAVAILABLE with the reason of every source, ROBENCH_STORE if the
 *   disk cannot be written, ROBENCH_ABORTED after `signal`
 */
export async function pullDataset(id: string, options: PullOptions = {}): Promise<PullOutcome> {
  await requireFolder(options.from)
  if (id === embeddedId) return { id, sources: [], failures: [], files: [] }
  return pullPublished(findPublished(id), options)
}

/** @throws ConfigError ROBENCH_DATA unless it is a directory, or not given */
async function requireFolder(from: string | undefined): Promise<void> {
  if (from === undefined) return
  const entry = await stat(from).catch(() => undefined)
  if (entry?.isDirectory()) return
  const problem = entry ? 'is not a directory' : 'does not exist'
  throw new ConfigError(
    'ROBENCH_DATA',
    `--from: ${from} ${problem}; expected a directory with the published files or archives`,
  )
}

/** `pullDataset` for the record of a data set. */
export async function pullPublished(
  dataset: PublishedDataset,
  options: PullOptions = {},
): Promise<PullOutcome> {
  const { from, onProgress, signal } = options
  const folder = join(resolve(options.folder ?? dataFolder()), dataset.id)
  await writing(folder, () => makeFolder(folder))
  const files = [...dataset.files.train, ...dataset.files.test]
  const needed = new Set<PublishedFile>()
  for (const file of files) {
    const { state } = await inspectFile(join(folder, file.name), file)
    if (state !== 'right') needed.add(file)
  }

  const sources =
    from === undefined
      ? dataset.sources
      : [localFolder(resolve(from), { archives: dataset.archives })]
  const used: string[] = []
  const failures: string[] = []
  for (const source of sources) {
    if (needed.size === 0) break
    const before = needed.size
    const context: PullContext = {
      folder,
      needed: [...needed],
      keep: async (file, path) => {
        await keep(folder, file, path)
        needed.delete(file)
      },
      report: (progress) => onProgress?.({ ...progress, source: source.title }),
      signal,
    }
    const failure = await attempt(dataset.id, source, context)
    if (failure !== undefined) failures.push(failure)
    if (needed.size < before) used.push(source.title)
  }
  if (needed.size > 0) throw refusal(dataset, from, failures)
  return { id: dataset.id, folder, sources: used, failures, files: files.map(({ name }) => name) }
}

/** Tries a source and returns why it failed. @throws if the disk fails or the pull is aborted */
async function attempt(
  id: string,
  source: DataSource,
  context: PullContext,
): Promise<string | undefined> {
  try {
    context.signal?.throwIfAborted()
    await source.provide(context)
    return undefined
  } catch (error) {
    if (context.signal?.aborted) {
      throw new RunError(
        'ROBENCH_ABORTED',
        `${id}: interrupted; \`robench data pull ${id}\` resumes the download`,
        { cause: error },
      )
    }
    if (error instanceof RobenchError && error.code === 'ROBENCH_STORE') throw error
    const reason = error instanceof Error ? error.message : String(error)
    return reason.includes(source.title) ? reason : `${source.title}: ${reason}`
  }
}

async function keep(folder: string, file: PublishedFile, path: string): Promise<void> {
  const inspection = await inspectFile(path, file)
  if (inspection.state !== 'right') {
    await rm(path, { force: true })
    const problem = inspection.state === 'missing' ? 'not found' : inspection.problem
    throw new ConfigError('ROBENCH_DATA', `${file.name}: ${problem}`)
  }
  const target = join(folder, file.name)
  await writing(target, () => rename(path, target))
}

function refusal(
  dataset: PublishedDataset,
  from: string | undefined,
  failures: readonly string[],
): RobenchError {
  if (from !== undefined) {
    return new ConfigError(
      'ROBENCH_DATA',
      `${dataset.id}: ${failures.join('; ')}. To get the published files: ${dataset.offline}.`,
    )
  }
  const tried = failures.map((failure, index) => `\n  ${index + 1}. ${failure}`).join('')
  return new RunError(
    'ROBENCH_DATA_UNAVAILABLE',
    `${dataset.id}: no source could provide it. Tried:${tried}\n${offlineAdvice(dataset)}`,
    { details: { sources: failures } },
  )
}
