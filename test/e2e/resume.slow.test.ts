/** A run that is killed and resumed has the same result as an uninterrupted one. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ChildProcess } from 'node:child_process'
import {
  finished,
  removeFolder,
  robench,
  startRobench,
  temporaryFolder,
  writeJson,
} from './support/cli.ts'
import { completedUnits, until } from './support/faults.ts'
import { onlyResults, outcomesOf, readOnlyResult, testSuite, unitTimes } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

interface GatedProblem {
  readonly folder: string
  /** Lets waiting attacks continue. */
  open(): void
  /** How many attack units were started. */
  started(): number
}

/**
 * A suite of three units of clean predictions and six of attacks. On one worker, the first `free`
 * attack units run, and the next one waits until the gate is opened.
 */
function gatedProblem(free: number): GatedProblem {
  const folder = temporaryFolder()
  const log = join(folder, 'log')
  const gate = join(folder, 'gate')
  writeTinyProblem(folder)
  writeFileSync(log, '')
  const options = { log, gate, free: String(free) }
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'test/gated', options }], { seeds: [1, 2] }))
  return {
    folder,
    open: () => writeFileSync(gate, ''),
    started: () => readFileSync(log, 'utf8').split('\n').length - 1,
  }
}

async function startAndWait(folder: string, units: number): Promise<ChildProcess> {
  const child = startRobench(folder, 'run', 'suite.json', '--workers', '1')
  await until(() => completedUnits(folder) >= units || child.exitCode !== null)
  return child
}

test('after kill -9, a run resumes without recomputing, and outcomes are the same', async () => {
  const whole = gatedProblem(6)
  expect((await robench(whole.folder, 'run', 'suite.json')).code).toBe(0)
  const { folder, open, started } = gatedProblem(2)
  const child = await startAndWait(folder, 5)
  child.kill('SIGKILL')
  await finished(child)
  const before = unitTimes(folder)
  const startedBefore = started()
  expect(before.size).toBe(5)
  open()
  const { code } = await robench(folder, 'run', 'suite.json')
  expect(code).toBe(0)
  const after = unitTimes(folder)
  for (const [name, time] of before) expect(after.get(name)).toBe(time)
  // Of the nine units four were open, all of them attacks.
  expect(started() - startedBefore).toBe(4)
  expect(outcomesOf(readOnlyResult(folder))).toEqual(outcomesOf(readOnlyResult(whole.folder)))
})

test('workers exit when their parent is killed', async () => {
  const { folder, open } = gatedProblem(1)
  const child = await startAndWait(folder, 4)
  child.kill('SIGKILL')
  // The pipes of the parent close only when its workers, which inherit them, are gone as well.
  await finished(child)
  open()
  expect(completedUnits(folder)).toBe(4)
})

test('a worker that dies is replaced and its unit run again', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const marker = join(folder, 'died')
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'test/dies', options: { marker } }]))
  const { code, stderr } = await robench(folder, 'run', 'suite.json', '--workers', '1')
  expect(code).toBe(0)
  expect(stderr).toContain('the worker died; attempt 2')
  expect(existsSync(marker)).toBe(true)
  const calm = temporaryFolder()
  writeTinyProblem(calm)
  writeFileSync(join(calm, 'died'), '')
  const same = { plugin: 'test/dies', options: { marker: join(calm, 'died') } }
  writeJson(calm, 'suite.json', testSuite([same]))
  await robench(calm, 'run', 'suite.json')
  expect(outcomesOf(readOnlyResult(folder))).toEqual(outcomesOf(readOnlyResult(calm)))
})

test('a truncated unit is run again', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'test/noise' }]))
  await robench(folder, 'run', 'suite.json')
  const first = readOnlyResult(folder)
  const [name] = unitTimes(folder).keys()
  const path = join(onlyResults(folder), 'units', name!)
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, 100))
  expect((await robench(folder, 'run', 'suite.json')).code).toBe(0)
  expect(outcomesOf(readOnlyResult(folder))).toEqual(outcomesOf(first))
})

test('two runs do not share a directory, and Ctrl-C says how to resume', async () => {
  const { folder } = gatedProblem(0)
  const child = await startAndWait(folder, 3)
  const ending = finished(child)
  const second = await robench(folder, 'run', 'suite.json')
  child.kill('SIGINT')
  expect(second.stderr).toContain('is using this results directory; wait for it')
  expect(second.code).toBe(2)
  const { code, stderr } = await ending
  expect(stderr).toContain(
    'interrupted; completed work is saved. Resume with:\n  robench run suite.json --workers 1',
  )
  expect(code).toBe(130)
})

test('a run whose working directory is deleted ends', async () => {
  const { folder } = gatedProblem(0)
  const child = await startAndWait(folder, 3)
  // The run still writes, so a removal can find a new file in a directory that it just emptied.
  await removeFolder(folder)
  // With any code: it must not look for the directory forever.
  expect((await finished(child)).code).not.toBeNull()
})
