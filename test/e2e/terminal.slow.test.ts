/** Commands in a terminal of 80 columns, and Ctrl-C while the reliability probes run. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import {
  finished,
  mainScript,
  removeFolder,
  robench,
  startRobench,
  temporaryFolder,
} from './support/cli.ts'
import { onlyResults, unitTimes } from './support/suite.ts'
import { tooLong } from './support/terminal.ts'

const shipped = (...path: string[]): string => join(packageRoot(), ...path)
let folder: string

afterAll(() => removeFolder(folder))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'robench-e2e-'))
  const words = [mainScript, 'run', 'quickstart', '--limit', '64']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, words, { cwd: folder })
  expect(tooLong(stdout + stderr)).toEqual([])
})

test.for([
  ['report', 'RESULT'],
  ['report', 'RESULT', '--fail-below', '0.99'],
  ['compare', 'RESULT', 'RESULT'],
  ['claims', 'RESULT'],
  ['verify', 'RESULT'],
  ['plan', 'quickstart', '--limit', '128'],
  ['plan', 'quickstart', '--limit', '128', '--like', 'RESULT'],
  ['validate', 'quickstart'],
  ['doctor'],
  ['list', 'defenses'],
  ['list', 'suites'],
])('%s prints no line of more than 80 characters', async (words) => {
  const place = onlyResults(folder)
  const { code, stdout, stderr } = await robench(
    folder,
    ...words.map((word) => (word === 'RESULT' ? place : word)),
  )
  expect(code, stderr).toBe(words.includes('--fail-below') ? 1 : 0)
  expect(stdout).not.toBe('')
  expect(tooLong(stdout + stderr)).toEqual([])
})

test('Ctrl-C during the probes is no internal error, and the run resumes', async () => {
  const own = temporaryFolder()
  const words = ['run', shipped('suites', 'quickstart.json'), '--workers', '1', '--limit', '64']
  const child = startRobench(own, ...words)
  const ending = finished(child)
  // One unit of clean predictions for each of two models; with one worker, probes come next.
  const cleanUnits = (): number => {
    try {
      const names = readdirSync(join(onlyResults(own), 'units'))
      return names.filter((name) => name.endsWith('.json')).length
    } catch {
      return 0
    }
  }
  while (cleanUnits() < 2) await new Promise((resolve) => setTimeout(resolve, 20))
  await new Promise((resolve) => setTimeout(resolve, 500))
  child.kill('SIGINT')
  const { code, stderr } = await ending
  expect(stderr).not.toMatch(/internal|bug|failed/i)
  expect(stderr).toMatch(
    /note: stopping after the current batch.*\nerror: interrupted; completed work is saved/,
  )
  expect(code).toBe(130)
  const before = unitTimes(own)
  expect([...before.keys()].length).toBeGreaterThanOrEqual(2)
  const again = await robench(own, ...words)
  expect(again.code, again.stderr).toBe(0)
  const after = unitTimes(own)
  for (const [name, time] of before) expect(after.get(name)).toBe(time)
})
