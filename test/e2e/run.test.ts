/** A run from the command line to its result, with real processes. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { onlyResults, outcomesOf, readOnlyResult, testSuite, unitTimes } from './support/suite.ts'
import { probes } from '../../core/bench/checks/probes.ts'
import { outcomeChecks } from '../../core/bench/checks/outcome-checks.ts'
import { tinyExamples, writeTinyProblem } from './support/tiny-problem.ts'

test('a suite runs to a table, a result, and a report', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(
    folder,
    'suite.json',
    testSuite([{ plugin: 'pgd', options: { steps: 5, stepSize: '2/255' } }]),
  )
  const { code, stdout, stderr } = await robench(folder, 'run', 'suite.json', '--workers', '2')
  expect(stderr).toContain('1 evaluation (1 model × 1 attack), 6 resumable chunks, 0 done')
  expect(code).toBe(0)
  expect(stdout).toContain('tiny')
  expect(existsSync(join(onlyResults(folder), 'report.html'))).toBe(true)
  const result = readOnlyResult(folder)
  const [entry] = result.entries
  expect(entry!.cleanAccuracy).toBeGreaterThan(0.3)
  expect(entry!.worstCaseRobustAccuracy).toBeLessThan(entry!.cleanAccuracy)
  expect(entry!.rankable).toBe(false)
  expect(entry!.reasons).toEqual([
    'private data: not independently verifiable',
    'the reliability probes were skipped',
  ])
  // They cost nothing.
  const made = entry!.checks!.filter(({ verdict }) => verdict !== 'not-made')
  expect(made.map(({ id }) => id)).toEqual(outcomeChecks.map(({ id }) => id))
  // The others are named, so that a reader sees what is missing.
  expect(entry!.checks!.map(({ id }) => id)).toEqual(
    [...probes, ...outcomeChecks].map(({ id }) => id),
  )
})

test('a second run computes nothing and has the same result', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }]))
  await robench(folder, 'run', 'suite.json')
  const first = readOnlyResult(folder)
  const times = unitTimes(folder)
  const { code } = await robench(folder, 'run', 'suite.json')
  expect(code).toBe(0)
  expect(unitTimes(folder)).toEqual(times)
  expect(outcomesOf(readOnlyResult(folder))).toEqual(outcomesOf(first))
})

test('--json prints the result and nothing else; --limit is not rankable', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }]))
  const { stdout } = await robench(folder, 'run', 'suite.json', '--json', '--limit', '50')
  const result: unknown = JSON.parse(stdout)
  expect(result).toEqual(JSON.parse(readFileSync(join(onlyResults(folder), 'result.json'), 'utf8')))
  expect(readOnlyResult(folder).entries[0]!.reasons).toContain(
    `only the first 50 of ${tinyExamples} examples were used`,
  )
})
