/** A run that is killed at any moment and started again ends like one that never was. */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ChildProcess } from 'node:child_process'
import { finished, robench, startRobench, temporaryFolder, writeJson } from './support/cli.ts'
import { onlyResults, outcomesOf, readOnlyResult, testSuite, unitTimes } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

/** Three clean units and six slow ones under attack; the log tells how many of those were begun. */
function slowProblem(): { folder: string; begun(): number } {
  const folder = temporaryFolder()
  const log = join(folder, 'log')
  writeTinyProblem(folder)
  writeFileSync(log, '')
  writeJson(
    folder,
    'suite.json',
    testSuite([{ plugin: 'test/slow', options: { log } }], { seeds: [1, 2] }),
  )
  return { folder, begun: () => readFileSync(log, 'utf8').split('\n').length - 1 }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Finished units so far, without the lock's and the writer's files. */
function finishedUnits(folder: string): number {
  const results = join(folder, 'results')
  // The folder of the suite comes a moment after the one that it is in.
  if (!existsSync(results) || readdirSync(results).length === 0) return 0
  const units = join(onlyResults(folder), 'units')
  return existsSync(units) ? readdirSync(units).filter((name) => name.endsWith('.json')).length : 0
}

async function startAndWait(folder: string, units: number): Promise<ChildProcess> {
  const child = startRobench(folder, 'run', 'suite.json', '--workers', '1')
  await until(() => finishedUnits(folder) >= units || child.exitCode !== null)
  return child
}

test('kill -9 of the whole run: started again, it gives the same outcomes and computes no finished unit anew', async () => {
  const whole = slowProblem()
  expect((await robench(whole.folder, 'run', 'suite.json')).code).toBe(0)
  const { folder, begun } = slowProblem()
  const child = await startAndWait(folder, 5)
  child.kill('SIGKILL')
  await finished(child)
  const before = unitTimes(folder)
  const begunBefore = begun()
  expect(before.size).toBeGreaterThanOrEqual(5)
  expect(before.size).toBeLessThan(9)
  const { code } = await robench(folder, 'run', 'suite.json')
  expect(code).toBe(0)
  const after = unitTimes(folder)
  for (const [name, time] of before) expect(after.get(name)).toBe(time)
  // Three clean units; the other six are attacks, and only those not finished were begun again.
  expect(begun() - begunBefore).toBe(9 - before.size)
  expect(outcomesOf(readOnlyResult(folder))).toEqual(outcomesOf(readOnlyResult(whole.folder)))
})

test('workers end with a parent that was killed', async () => {
  const { folder, begun } = slowProblem()
  const child = await startAndWait(folder, 4)
  child.kill('SIGKILL')
  await finished(child)
  // The pipes of the dead parent are closed only when its children are gone, too.
  const begunAtEnd = begun()
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(begun()).toBe(begunAtEnd)
})

test('a worker that dies is replaced and its unit done again', async () => {
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

test('a half-written unit counts as not done', async () => {
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

test('two runs do not share a folder, and Ctrl-C says how to go on', async () => {
  const { folder } = slowProblem()
  const child = await startAndWait(folder, 3)
  const ending = finished(child)
  // Alive, but not getting ahead, so that the second run is sure to meet it.
  child.kill('SIGSTOP')
  const second = await robench(folder, 'run', 'suite.json')
  child.kill('SIGCONT')
  child.kill('SIGINT')
  expect(second.stderr).toContain('is using this results folder; wait for it')
  expect(second.code).toBe(2)
  const { code, stderr } = await ending
  expect(stderr).toContain(
    'interrupted; completed work is saved. Resume with: robench run suite.json --workers 1',
  )
  expect(code).toBe(130)
})

test('a run whose working directory is deleted ends', async () => {
  const { folder } = slowProblem()
  const child = await startAndWait(folder, 3)
  rmSync(folder, { recursive: true, force: true })
  // Whichever way: it must not look for the folder for ever.
  expect((await finished(child)).code).not.toBeNull()
})
