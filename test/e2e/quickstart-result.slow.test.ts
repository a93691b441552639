/** The first command of the README on the shipped models. */
import { expect, test } from 'vitest'
import { robench, temporaryFolder } from './support/cli.ts'
import { readOnlyResult } from './support/suite.ts'

test('the quickstart has the documented result', async () => {
  const folder = temporaryFolder()
  const { code, stdout } = await robench(folder, 'run', 'suites/quickstart.json')
  expect(code).toBe(0)
  expect(stdout).toContain('toy data')
  const { entries } = readOnlyResult(folder)
  const [standard, pgdAt] = entries
  // Another processor may move a logit across the boundary for an example or two.
  expect(standard!.cleanAccuracy).toBeCloseTo(0.966, 2)
  expect(standard!.worstCaseRobustAccuracy).toBeCloseTo(0.078, 2)
  expect(pgdAt!.cleanAccuracy).toBeCloseTo(0.924, 2)
  expect(pgdAt!.worstCaseRobustAccuracy).toBeCloseTo(0.536, 2)
  expect(entries.every(({ rankable }) => !rankable)).toBe(true)
})
