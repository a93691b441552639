/** A run on an executor other than the pool: jobs are plain data and name content by hash. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import type { LocalContent } from '../../../../core/bench/execute/executor.ts'
import { runSuite } from '../../../../core/bench/execute/run.ts'
import type { SuiteRun } from '../../../../core/bench/execute/settings.ts'
import { checkSuite } from '../../../../core/bench/suite/load.ts'
import { robench, temporaryFolder, writeJson } from '../../../e2e/support/cli.ts'
import { outcomesOf, readOnlyResult, testSuite } from '../../../e2e/support/suite.ts'
import { writeTinyProblem } from '../../../e2e/support/tiny-problem.ts'
import { openInProcess } from './in-process-executor.ts'
import type { RecordingExecutor } from './in-process-executor.ts'

const suite = testSuite([{ plugin: 'pgd', options: { steps: 2 } }, { plugin: 'fgsm' }], {
  limit: 40,
})

let folder = ''
beforeEach(() => {
  folder = temporaryFolder()
  process.env['ROBENCH_CACHE'] = join(folder, 'cache')
  writeTinyProblem(folder)
})

async function runInProcess(
  change: (content: LocalContent) => LocalContent = (content) => content,
): Promise<SuiteRun & { readonly jobs: readonly string[] }> {
  const executors: RecordingExecutor[] = []
  const run = await runSuite(checkSuite(suite, 'suite.json', folder), {
    resultsFolder: join(folder, 'in-process'),
    saveAdversarial: true,
    executor(content) {
      const executor = openInProcess(change(content))
      executors.push(executor)
      return executor
    },
  })
  return { ...run, jobs: executors.flatMap(({ jobs }) => jobs) }
}

test('the outcomes are those of the worker pool', async () => {
  const { result } = await runInProcess()
  writeJson(folder, 'suite.json', suite)
  expect((await robench(folder, 'run', 'suite.json', '--workers', '1')).code).toBe(0)
  expect(outcomesOf(result)).toEqual(outcomesOf(readOnlyResult(folder)))
})

test('a job names model and data by hash, and contains no path of this machine', async () => {
  const { jobs, result, folder: results } = await runInProcess()
  const [{ defense, dataset }] = result.entries as [(typeof result.entries)[number]]
  const units = jobs.filter((job) => job.includes('"kind":"unit"'))
  expect(jobs).toHaveLength(4)
  expect(units).toHaveLength(3)
  for (const job of units) {
    expect(job).toContain(`"model":{"sha256":"${defense.model.sha256}"`)
    expect(job).toContain(`"sha256":"${dataset.sha256}"`)
  }
  for (const job of jobs) expect(job).not.toContain(folder)
  expect(readdirSync(join(results, 'adversarials')).toSorted()).toEqual(['index.json', 'tiny'])
})

test('a worker without the model says so', async () => {
  const withoutModels = (content: LocalContent): LocalContent => ({ ...content, models: {} })
  await expect(runInProcess(withoutModels)).rejects.toThrow(
    /^model .*model\.onnx \(sha256 [0-9a-f]{64}\) is not available to this worker$/,
  )
})

test('a worker with other data says so', async () => {
  const other = { inputs: 'inputs.npy', labels: 'other.npy' }
  const labels = readFileSync(join(folder, 'labels.npy'))
  labels[labels.length - 1]! ^= 1
  writeFileSync(join(folder, 'other.npy'), labels)
  await expect(runInProcess((content) => ({ ...content, dataset: other }))).rejects.toThrow(
    'suite.json#/defenses/0: data set "npy" changed during the run; run again',
  )
})
