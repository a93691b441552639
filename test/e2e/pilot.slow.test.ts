/** Pilot runs, and setups that run once per worker, with real processes. */
import { expect, test } from 'vitest'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { outcomesOf, readOnlyResult, readUnit, testSuite, unitTimes } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

test('a pilot run does part of the work, forecasts the rest, and is not repeated', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const attacks = [{ plugin: 'fgsm' }, { plugin: 'pgd', options: { steps: 100 } }]
  writeJson(folder, 'suite.json', testSuite(attacks))
  const words = ['plan', 'suite.json', '--pilot', '400', '--json']
  const { stdout, stderr } = await robench(folder, ...words)
  // All units of clean predictions and FGSM, and the second of the three units of PGD.
  expect(stderr).toContain('the pilot runs 7 of 9 chunks')
  const { unitsDone, expected } = JSON.parse(stdout)
  expect(unitsDone).toBe(7)
  const piloted = unitTimes(folder)
  const text = await robench(folder, 'plan', 'suite.json')
  expect(text.stdout).toMatch(
    /expected +[\d.]+ m?s, at most [^]*?[\d,]+ forward, [\d,]+ backward \(± [\d.]+ %\)/,
  )
  await robench(folder, 'run', 'suite.json')
  const after = unitTimes(folder)
  expect(after.size).toBe(9)
  for (const [name, time] of piloted) expect(after.get(name)).toBe(time)
  const counted = [...after.keys()]
    .filter((name) => !piloted.has(name))
    .map((name) => readUnit(folder, name).forwardPasses)
  const off = counted.reduce((a, b) => a + b) - expected.passes.forward
  expect(Math.abs(off)).toBeLessThan(2 * expected.margin.forward + 1)
})

test('a setup that runs once per worker has the same outcomes as one per unit', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const options = { examples: 60, epochs: 2 }
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'universal', options }]))
  await robench(folder, 'run', 'suite.json', '--workers', '1')
  const together = readOnlyResult(folder)
  const attacks = [...unitTimes(folder).keys()].map((name) => readUnit(folder, name))
  // Clean predictions take no backward passes, and of the three attack units only the first does.
  expect(attacks.filter(({ backwardPasses }) => backwardPasses > 0)).toHaveLength(1)
  await robench(folder, 'run', 'suite.json', '--workers', '3', '--fresh')
  expect(outcomesOf(readOnlyResult(folder))).toEqual(outcomesOf(together))
})
