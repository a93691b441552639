/** `robench data`: fetches the published data sets, and shows which are here. */
import { SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import { Command } from 'commander'
import type { DatasetInfo } from '../core/data/load.ts'
import { listDatasets } from '../core/data/load.ts'
import { pullDataset } from '../core/data/pull.ts'
import type { PullOutcome, PullProgress } from '../core/data/pull.ts'
import { datasetIds } from '../core/data/registry.ts'

/** Where the command writes: results to `stdout`, progress to `stderr`. */
export interface DataCommandStreams {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** The command `data` with `pull` and `list`. Errors are thrown: the main program prints them. */
export function dataCommand(streams: DataCommandStreams = process): Command {
  const command = new Command('data').description('fetch data sets, or show which are here')
  command
    .command('pull')
    .description('fetch a data set into the data folder and check it')
    .argument('<id>', `one of ${datasetIds.join(', ')}`)
    .option('--from <folder>', 'take the published files, or archives of them, from this folder')
    .option('--json', 'print the outcome as JSON')
    .action(async (id: string, options: { from?: string; json?: boolean }) => {
      const outcome = await pull(id, options.from, streams)
      const text = options.json ? JSON.stringify(outcome, null, 2) : describeOutcome(outcome)
      streams.stdout.write(`${text}\n`)
    })
  command
    .command('list')
    .description('show all data sets, and which are here')
    .option('--json', 'print as JSON')
    .action(async (options: { json?: boolean }) => {
      const infos = await listDatasets()
      const text = options.json ? JSON.stringify(infos, null, 2) : describeList(infos)
      streams.stdout.write(`${text}\n`)
    })
  return command
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

/** A bar on a terminal; elsewhere a line when a step begins and at each further quarter. */
function progressReporter(stream: DataCommandStreams['stderr']): ProgressReporter {
  return stream.isTTY ? barReporter(stream) : lineReporter(stream)
}

function barReporter(stream: NodeJS.WritableStream): ProgressReporter {
  const bar = new SingleBar({
    stream,
    format: '{bar} {percentage}% | {done}{total} | {step}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
  })
  let running = false
  return {
    show({ step, done, total }) {
      const payload = {
        step,
        done: amount(done, total),
        total: total === undefined ? '' : ` / ${amount(total, total)}`,
      }
      // A bar of unknown length stands at its beginning and shows the amount alone.
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

/** Megabytes for anything large, the plain number for small counts. */
function amount(value: number, total: number | undefined): string {
  return (total ?? value) < 10_000 ? String(value) : `${(value / 1e6).toFixed(1)} MB`
}

function describeOutcome({ id, folder, sources, failures, files }: PullOutcome): string {
  if (folder === undefined) return `${id}: made by robench itself; nothing to fetch`
  const origin = sources.length === 0 ? 'was already there' : `from ${sources.join(' and ')}`
  const lines = [`${id}: ${origin}; ${files.length} files checked, in ${folder}`]
  for (const failure of failures) lines.push(`  passed over: ${failure}`)
  return lines.join('\n')
}

function describeList(infos: readonly DatasetInfo[]): string {
  const table = new Table({
    head: ['id', 'title', 'train', 'test', 'here', 'terms'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'right', 'right', 'left', 'left'],
  })
  for (const { id, title, counts, state, folder, license } of infos) {
    const place = {
      present: folder ?? '',
      partial: `in part; run: robench data pull ${id}`,
      absent: `no; run: robench data pull ${id}`,
      embedded: 'made by robench itself',
    }[state]
    table.push([id, title, count(counts.train), count(counts.test), place, license])
  }
  return table.toString()
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
