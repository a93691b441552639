/** The first command of the README on the shipped models, with several batch sizes and workers. */
import { expect, test } from 'vitest'
import { robench, temporaryFolder } from './support/cli.ts'
import { outcomesOf, readOnlyResult } from './support/suite.ts'

test('the quickstart has the documented result for all worker counts and batch sizes', async () => {
  const ways = [
    ['--workers', '1', '--batch-size', '32'],
    ['--workers', '2', '--batch-size', '100'],
  ]
  const results = []
  for (const words of ways) {
    const folder = temporaryFolder()
    const { code, stdout } = await robench(folder, 'run', 'suites/quickstart.json', ...words)
    expect(code).toBe(0)
    expect(stdout).toContain('toy data')
    results.push(readOnlyResult(folder))
  }
  expect(outcomesOf(results[1]!)).toEqual(outcomesOf(results[0]!))
  const [standard, pgdAt] = results[0]!.entries
  // Another processor may move a logit across the boundary for an example or two.
  expect(standard!.cleanAccuracy).toBeCloseTo(0.966, 2)
  expect(standard!.worstCaseRobustAccuracy).toBeCloseTo(0.078, 2)
  expect(pgdAt!.cleanAccuracy).toBeCloseTo(0.924, 2)
  expect(pgdAt!.worstCaseRobustAccuracy).toBeCloseTo(0.536, 2)
  expect(results[0]!.entries.every(({ rankable }) => !rankable)).toBe(true)
})
