/** A model is surveyed for a forecast only where work is open. */
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { planSuite, runSuite } from '../../../../core/bench/execute/run.ts'
import { checkSuite } from '../../../../core/bench/suite/load.ts'
import { temporaryFolder } from '../../../e2e/support/cli.ts'
import { testSuite } from '../../../e2e/support/suite.ts'
import { writeTinyProblem } from '../../../e2e/support/tiny-problem.ts'
import { openInProcess } from './in-process-executor.ts'

const attacks = [{ plugin: 'fgsm' }, { plugin: 'pgd', options: { steps: 2 } }]

let folder = ''
beforeEach(() => {
  folder = temporaryFolder()
  process.env['ROBENCH_CACHE'] = join(folder, 'cache')
  writeTinyProblem(folder)
})

test('a completed run needs no survey, and --fresh needs one again', async () => {
  const suite = checkSuite(testSuite(attacks, { limit: 20 }), 'suite.json', folder)
  const options = { resultsFolder: join(folder, 'results'), executor: openInProcess }
  const before = await planSuite(suite, options)
  expect(before.plan.survey).toBeDefined()
  await runSuite(suite, options)
  const after = await planSuite(suite, options)
  expect(after.plan).toMatchObject({ unitsDone: after.plan.units })
  expect(after.plan.survey).toBeUndefined()
  expect(after.expected).toMatchObject({ etaMs: 0, passes: { forward: 0, backward: 0 } })
  const fresh = await planSuite(suite, { ...options, fresh: true })
  expect(fresh.plan.survey).toBeDefined()
})
