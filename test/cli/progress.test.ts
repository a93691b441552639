/** What --quiet and --log change about the display of a run. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { reportFailure } from '../../cli/failure.ts'
import { openDisplay, progressDisplay } from '../../cli/progress.ts'
import type { DisplayOptions } from '../../cli/progress.ts'
import { barDisplay } from '../../cli/progress-bars.ts'
import { runLabel, timeLeftText } from '../../cli/progress-text.ts'
import { watchBound } from '../../cli/watch-bound.ts'
import { ConfigError } from '../../core/base/errors.ts'
import type { PlanSummary } from '../../core/bench/forecast/plan-summary.ts'
import type { RunStatus } from '../../core/bench/forecast/run-progress.ts'
import { temporaryFolder } from '../core/data/fixtures.ts'

const status: RunStatus = {
  leftMs: 12_000,
  isBound: true,
  running: [
    { defense: 'a', kind: 'checks', attack: null, done: 1, examples: 64 },
    { defense: 'a', kind: 'attack', attack: 'pgd', done: 128, examples: 500 },
  ],
}

const plan: PlanSummary = {
  suite: { id: 's', title: 'S', sha256: '' },
  dataset: { id: 'd', title: 'D', sha256: '', examples: 500, total: 500 },
  folder: 'results/s',
  workers: 2,
  cells: [],
  units: 2,
  unitsDone: 0,
  passes: { forward: 1, backward: 1 },
  training: [],
}

const everything =
  'note: a notice\n50 % done | a, pgd, 128 of 500; a, checks | ≤ 15 s left\nfailed: defense "a": out of memory [ROBENCH_WORKER]\n'

function shownWith(options: DisplayOptions): string {
  const stream = new PassThrough()
  const display = openDisplay(stream, options)
  display.notice('a notice')
  display.progress(0.5, status)
  display.failed('defense "a"', { code: 'ROBENCH_WORKER', name: 'E', message: 'out of memory' })
  display.stop()
  return String(stream.read() ?? '')
}

test('without options everything is shown', () => {
  expect(shownWith({})).toBe(everything)
})

test('--quiet shows failures only, and --log still has everything', () => {
  const log = join(temporaryFolder(), 'run.log')
  expect(shownWith({ quiet: true, log })).toBe(
    'failed: defense "a": out of memory [ROBENCH_WORKER]\n',
  )
  expect(shownWith({ log })).toBe(everything)
  expect(readFileSync(log, 'utf8')).toBe(everything + everything)
})

test('a log that cannot be written is refused before the run', () => {
  const log = join(temporaryFolder(), 'missing', 'run.log')
  expect(() => shownWith({ log })).toThrow(`--log: ${log} cannot be written: `)
})

test('the time left is rounded up to steps that grow with it', () => {
  const seconds = [0, 4, 31, 60, 61, 119, 600, 601, 3600, 5000]
  expect(seconds.map((value) => timeLeftText(1000 * value, false))).toEqual([
    '5 s left',
    '5 s left',
    '35 s left',
    '1 min left',
    '1 min 10 s left',
    '2 min left',
    '10 min left',
    '11 min left',
    '1 h 00 min left',
    '1 h 24 min left',
  ])
})

test('names are cut so that a label keeps its width', () => {
  const running = [{ ...status.running[1]!, defense: 'd'.repeat(40) }]
  expect(runLabel({ ...status, isBound: false, running }, 50)).toBe(
    `${'d'.repeat(20)}…, pgd, 128 of 500 | 15 s left`,
  )
  expect(runLabel({ ...status, running: [] }, 50)).toBe('')
})

test('a stage is named with its attack, in shorter forms where there is little room', () => {
  const chunk = {
    defense: 'standard',
    kind: 'attack',
    attack: 'autoattack',
    stage: 'apgd-ce',
  } as const
  const running = [{ ...chunk, done: 469, examples: 500 }]
  const label = (width: number): string => runLabel({ ...status, running }, width)
  expect(label(63)).toBe('standard, autoattack/apgd-ce, 469 of 500 | ≤ 15 s left')
  expect(label(51)).toBe('standard, autoattack/apgd-ce, 469/500 | ≤ 15 s left')
  expect(label(45)).toBe('standard, apgd-ce, 469/500 | ≤ 15 s left')
  expect(label(36)).toBe('sta…, apgd-ce, 469/500 | ≤ 15 s left')
})

test('a bound that has passed is noted once', () => {
  const stream = new PassThrough()
  let time = 0
  const display = watchBound(progressDisplay(stream), () => time)
  display.planned({ ...plan, etaMs: 44_300 })
  stream.read()
  const written = (at: number): string => {
    time = at
    display.progress(0.05, { ...status, leftMs: 70_000, isBound: false })
    return String(stream.read() ?? '')
  }
  // A training of an hour before the first chunk.
  expect(written(3_600_000)).toBe('')
  // Workers may take 10 s to start.
  expect(written(3_654_300)).toBe('')
  expect(written(3_654_301)).toBe(
    'note: the run takes longer than the stated 44.3 s: its workers are slower, or fewer, ' +
      'than was assumed\n',
  )
  expect(written(3_700_000)).toBe('')
  display.progress(0.5, status)
  expect(String(stream.read())).toBe('50 % done | a, pgd, 128 of 500; a, checks | 15 s left\n')
})

test('on a terminal, messages are wrapped between words', () => {
  const message = 'attack "acme/blur": its result for example 3 is outside the ball. '.repeat(3)
  const error = { code: 'ROBENCH_PLUGIN_ANSWER', name: 'E', message: message.trim() } as const
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
  const display = openDisplay(stream, { quiet: true })
  display.failed('defense "a", attack "acme/blur", examples 0 to 499', error)
  reportFailure(new ConfigError('ROBENCH_CONFIG', message), stream, { debug: false })
  const text = stripVTControlCharacters(String(stream.read()))
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(79)
  expect(text.replaceAll(/\s+/g, ' ')).toContain(error.message)
  expect(text).toMatch(/^error: attack "acme\/blur"/m)
})

test('bars name the load, the model, the attack, and the training, in 80 columns', async () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
  const display = barDisplay(stream)
  let shown = ''
  stream.on('data', (part: Buffer) => (shown += part.toString()))
  // cli-progress draws at intervals.
  const drawn = async (text: string): Promise<void> => {
    while (!stripVTControlCharacters(shown).includes(text)) await once(stream, 'data')
  }
  display.loading('data')
  await drawn('░░░░░░░░   0 %  loading data')
  display.progress(0.255, status)
  await drawn('██░░░░░░  25 %  a, pgd, 128 of 500; a, checks | ≤ 15 s left')
  display.training('d'.repeat(80), {
    epoch: 1,
    epochs: 4,
    step: 5,
    steps: 10,
    loss: 0.5,
    accuracy: 0.851,
  })
  await drawn('d…, loss 0.500, accuracy 85.1 % | starting')
  display.notice('a notice')
  await drawn('note: a notice')
  display.stop()
  // A line is drawn again from its first column.
  const lines = stripVTControlCharacters(shown.replaceAll('\u001B[1G', '\n')).split(/[\r\n]/)
  expect(Math.max(...lines.map((line) => line.length))).toBe(79)
})
