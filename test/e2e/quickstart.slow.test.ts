/** The quickstart on the shipped models, with several batch sizes and worker counts. */
import { expect, test } from 'vitest'
import { robench, temporaryFolder } from './support/cli.ts'
import { outcomesOf, readOnlyResult } from './support/suite.ts'

test('the quickstart has the same outcomes for all worker counts and batch sizes', async () => {
  const results = []
  for (const words of [
    ['--workers', '1', '--batch-size', '32'],
    ['--workers', '2', '--batch-size', '100'],
  ]) {
    const folder = temporaryFolder()
    const { code } = await robench(folder, 'run', 'suites/quickstart.json', ...words)
    expect(code).toBe(0)
    results.push(outcomesOf(readOnlyResult(folder)))
  }
  expect(results[1]).toEqual(results[0])
})
