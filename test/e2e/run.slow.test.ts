/** Runs from the command line that take long: several runs, checks of files, slow deaths. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { onlyResults, outcomesOf, readOnlyResult, testSuite } from './support/suite.ts'
import { hashFile, readAdversarialIndex, readPoints } from '../../core/bench/store/adversarials.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

test('a worker that is slow to die delays neither the table nor the lock, and the exit code holds', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'test/lingers' }]))
  const words = ['--workers', '2', '--limit', '600']
  const { code, stdout } = await robench(folder, 'run', 'suite.json', ...words)
  expect(stdout).toContain('report  results/')
  expect(code).toBe(0)
  expect(existsSync(join(onlyResults(folder), 'report.html'))).toBe(true)
  expect(existsSync(join(onlyResults(folder), 'lock'))).toBe(false)
})

test('outcomes do not depend on the number of workers or the batch size', async () => {
  const suite = testSuite([{ plugin: 'pgd', options: { steps: 5 } }, { plugin: 'test/noise' }], {
    seeds: [0, 1],
  })
  const ways = [
    ['--workers', '1', '--batch-size', '32'],
    ['--workers', '2', '--batch-size', '100'],
  ]
  const outcomes = []
  for (const words of ways) {
    const folder = temporaryFolder()
    writeTinyProblem(folder)
    writeJson(folder, 'suite.json', suite)
    const { code } = await robench(folder, 'run', 'suite.json', ...words)
    expect(code).toBe(0)
    outcomes.push(outcomesOf(readOnlyResult(folder)))
  }
  expect(outcomes[1]).toEqual(outcomes[0])
})

test('--save-adversarial saves adversarial examples', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }], { limit: 20 }))
  // Units that were completed without saving them are run again.
  await robench(folder, 'run', 'suite.json')
  await robench(folder, 'run', 'suite.json', '--save-adversarial')
  const saved = join(onlyResults(folder), 'adversarials')
  const index = (await readAdversarialIndex(saved))!
  expect(index.files.map(({ file }) => file)).toEqual(['tiny/fgsm.npz'])
  const { points, indices, labels } = await readPoints(join(saved, 'tiny', 'fgsm.npz'))
  expect(points.shape).toEqual([20, 1, 8, 8])
  expect([...indices]).toEqual(Array.from({ length: 20 }, (_, i) => i))
  expect(labels).toHaveLength(20)
  const { evidence } = readOnlyResult(folder)
  expect(evidence!.adversarials).toBe(await hashFile(join(saved, 'index.json')))
  // The joined file counts as the points of its units.
  const again = await robench(folder, 'run', 'suite.json', '--save-adversarial')
  expect(again.stderr).toContain('2 done')
})

test('plan shows units and passes, and completed ones', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }, { plugin: 'pgd' }]))
  const before = JSON.parse((await robench(folder, 'plan', 'suite.json', '--json')).stdout)
  expect(before).toMatchObject({ units: 9, unitsDone: 0, training: [] })
  expect(before.etaMs).toBeGreaterThan(0)
  await robench(folder, 'run', 'suite.json')
  const after = JSON.parse((await robench(folder, 'plan', 'suite.json', '--json')).stdout)
  expect(after).toMatchObject({ units: 9, unitsDone: 9, passes: { forward: 0, backward: 0 } })
})
