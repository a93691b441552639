/** What --quiet and --log change about the display of a run. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { openDisplay } from '../../cli/progress.ts'
import type { DisplayOptions } from '../../cli/progress.ts'
import { barDisplay } from '../../cli/progress-bars.ts'
import { runLabel, timeLeftText } from '../../cli/progress-text.ts'
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

const everything =
  'note: a notice\n50 % done | a, pgd, 128 of 500 (+1) | ≤ 15 s left\nfailed: defense "a": out of memory [ROBENCH_WORKER]\n'

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
  await drawn('░░░░░░░░░░░░   0 %  loading data')
  display.progress(0.255, status)
  await drawn('███░░░░░░░░░  25 %  a, pgd, 128 of 500 (+1) | ≤ 15 s left')
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
