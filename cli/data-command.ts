/** `robench data`: downloads published data sets, and lists which are installed. */
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { ConfigError } from '../core/base/errors.ts'
import type { DatasetInfo } from '../core/data/load.ts'
import { listDatasets } from '../core/data/load.ts'
import { pullDataset } from '../core/data/pull.ts'
import type { PullOutcome, PullProgress } from '../core/data/pull.ts'
import { datasetIds } from '../core/data/registry.ts'
import { dataFolder } from '../core/base/paths.ts'
import { plainTable } from '../reports/theme/plain-table.ts'
import { compileSchema, refuseProblems } from '../core/base/schema.ts'
import { descriptionSchema, hashOfPath } from '../core/data/describe.ts'
import { boundsList, classNameList, terminalWidth } from './arguments.ts'
import { count, countOf } from '../core/base/figures.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

/** Output streams: results go to `stdout`, progress to `stderr`. */
export interface DataCommandStreams {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** The command `data` with `pull` and `list`. Throws errors; the main program prints them. */
export function dataCommand(streams: DataCommandStreams = process): Command {
  const command = new Command('data').description('download data sets, or list which are installed')
  command
    .command('pull')
    .description('download a data set and verify its checksums')
    .argument('<id>', `id of the data set: ${datasetIds.join(', ')}`)
    .option('--from <dir>', 'take the published files or archives from this directory')
    .option('--json', 'print the result as JSON')
    .action(async (id: string, options: { from?: string; json?: boolean }) => {
      const outcome = await pull(id, options.from, streams)
      const text = options.json ? jsonText(outcome) : printable(describeOutcome(outcome))
      streams.stdout.write(`${text}\n`)
    })
  command
    .command('describe')
    .description('print a JSON description of your own data, with checksums')
    .argument(
      '<path...>',
      'a folder of images, an .npz archive, a .parquet table, or two .npy files',
    )
    .requiredOption('--id <id>', 'id of the data set')
    .option('--title <text>', 'title (default: the id)')
    .option('--bounds <list>', 'range of the pixels (default: 0,1)', boundsList)
    .option('--class-names <list>', 'class names, or a file with one a line', classNameList)
    .action(async (paths: string[], options: DescribeOptions) => {
      streams.stdout.write(`${jsonText(await describeData(paths, options))}\n`)
    })
  command
    .command('list')
    .description('list all data sets and where they are installed')
    .option('--json', 'print the result as JSON')
    .action(async (options: { json?: boolean }) => {
      const infos = await listDatasets()
      const text = options.json ? jsonText(infos) : printable(describeList(infos))
      streams.stdout.write(`${text}\n`)
    })
  return command
}

interface DescribeOptions {
  readonly id: string
  readonly title?: string
  readonly bounds?: number[]
  readonly classNames?: string[]
}

/** A description whose files are relative to the working directory. */
async function describeData(
  [inputs = '', labels, ...others]: readonly string[],
  { id, title = id, bounds, classNames }: DescribeOptions,
): Promise<object> {
  if (others.length > 0) {
    throw new ConfigError('ROBENCH_CONFIG', 'data describe: expected one path, or two .npy files')
  }
  const paths = labels === undefined ? [inputs] : [inputs, labels]
  const hashes: [string, string][] = []
  for (const path of paths) hashes.push([path, await hashOfPath(path)])
  const description = {
    id,
    title,
    files: Object.fromEntries(hashes),
    ...(labels !== undefined && { inputs, labels }),
    ...(classNames && { classNames }),
    ...(bounds && { bounds }),
  }
  refuseProblems(
    compileSchema(descriptionSchema)(description).problems,
    'data describe: ',
    'ROBENCH_CONFIG',
  )
  return description
}

async function pull(
  id: string,
  from: string | undefined,
  streams: DataCommandStreams,
): Promise<PullOutcome> {
  const interruption = new AbortController()
  const interrupt = (): void => interruption.abort()
  process.once('SIGINT', interrupt)
  const progress = progressReporter(streams.stderr)
  try {
    return await pullDataset(id, { from, onProgress: progress.show, signal: interruption.signal })
  } finally {
    progress.stop()
    process.off('SIGINT', interrupt)
  }
}

interface ProgressReporter {
  readonly show: (progress: PullProgress) => void
  readonly stop: () => void
}

/** A bar on a terminal, otherwise a line at the start and at each quarter of a step. */
function progressReporter(stream: DataCommandStreams['stderr']): ProgressReporter {
  return stream.isTTY ? barReporter(stream) : lineReporter(stream)
}

function barReporter(stream: NodeJS.WritableStream): ProgressReporter {
  const bar = new SingleBar({
    stream,
    // Not `{total}`: cli-progress has a value of that name.
    format: '{bar} {amount} | {step}',
    barsize: 16,
    hideCursor: true,
    clearOnComplete: true,
  })
  let running = false
  return {
    show({ step, done, total }) {
      const payload = { step, amount: amountText(done, total) }
      // A bar of unknown length stays empty and shows only the amount.
      if (!running) bar.start(total ?? 1, total === undefined ? 0 : done, payload)
      else {
        bar.setTotal(total ?? 1)
        bar.update(total === undefined ? 0 : done, payload)
      }
      running = true
    },
    stop() {
      if (running) bar.stop()
    },
  }
}

function lineReporter(stream: NodeJS.WritableStream): ProgressReporter {
  let lastStep = ''
  let lastQuarter = 0
  return {
    show({ step, done, total }) {
      const quarter = total ? Math.floor((4 * done) / total) : 0
      if (step === lastStep && quarter <= lastQuarter) return
      const isNew = step !== lastStep
      lastStep = step
      lastQuarter = quarter
      stream.write(isNew ? `${step}\n` : `${step}: ${25 * quarter} %\n`)
    },
    stop() {},
  }
}

/** `52 % | 88.1 MB of 170.5 MB`, or the amount alone if the total is unknown. */
function amountText(done: number, total: number | undefined): string {
  if (!total) return amount(done, total)
  const share = Math.floor((100 * done) / total)
  return `${share} % | ${amount(done, total)} of ${amount(total, total)}`
}

/** Small totals as plain numbers, large ones in megabytes. */
function amount(value: number, total: number | undefined): string {
  return (total ?? value) < 10_000 ? String(value) : `${(value / 1e6).toFixed(1)} MB`
}

function describeOutcome({ id, folder, sources, failures, files }: PullOutcome): string {
  if (folder === undefined) return `${id}: built in; nothing to download`
  const origin = sources.length === 0 ? 'already installed' : `from ${sources.join(' and ')}`
  const lines = [`${id}: ${origin}; ${countOf(files.length, 'file')} verified in ${folder}`]
  for (const failure of failures) lines.push(`  skipped: ${failure}`)
  return lines.join('\n')
}

function describeList(infos: readonly DatasetInfo[]): string {
  const states = { present: 'yes', partial: 'incomplete', absent: 'no', embedded: 'built in' }
  const head = ['id', 'title', 'train', 'test', 'installed', 'license']
  const rows = infos.map(({ id, title, counts, state, license }) => [
    id,
    title,
    count(counts.train),
    count(counts.test),
    states[state],
    license,
  ])
  const table = plainTable(head, rows, {
    alignments: ['left', 'left', 'right', 'right'],
    width: terminalWidth(),
    wrapped: [1, 5],
  })
  const missing = infos.find(({ state }) => state === 'absent' || state === 'partial')
  const advice = missing ? `\nInstall a data set: robench data pull ${missing.id}` : ''
  return `${table}\n\nDirectory: ${dataFolder()}${advice}`
}
