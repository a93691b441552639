/** What --quiet and --log change about the display of a run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { openDisplay } from '../../cli/progress.ts'
import type { DisplayOptions } from '../../cli/progress.ts'
import { temporaryFolder } from '../core/data/fixtures.ts'

const everything =
  'note: a notice\n50 % done\nfailed: defense "a": out of memory [ROBENCH_WORKER]\n'

function shownWith(options: DisplayOptions): string {
  const stream = new PassThrough()
  const display = openDisplay(stream, options)
  display.notice('a notice')
  display.progress(0.5)
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
