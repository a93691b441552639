/** Runs of parts of a suite and their merge, on an executor in this process. */
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mergeParts } from '../../../../core/bench/execute/merge-parts.ts'
import { runPart } from '../../../../core/bench/execute/run-part.ts'
import type { PartRun } from '../../../../core/bench/execute/run-part.ts'
import { runSuite } from '../../../../core/bench/execute/run.ts'
import { readUnits, unitFile } from '../../../../core/bench/store/store.ts'
import { encodeUnit } from '../../../../core/bench/store/unit-file.ts'
import { checkSuite } from '../../../../core/bench/suite/load.ts'
import type { LoadedSuite } from '../../../../core/bench/suite/load.ts'
import { temporaryFolder } from '../../../e2e/support/cli.ts'
import { contentOf, testSuite } from '../../../e2e/support/suite.ts'
import { writeTinyProblem } from '../../../e2e/support/tiny-problem.ts'
import { openInProcess } from './in-process-executor.ts'

/** The tiny problem in a temporary directory, with a suite on it. */
function tinySuite(limit: number): { readonly folder: string; readonly loaded: LoadedSuite } {
  const folder = temporaryFolder()
  process.env['ROBENCH_CACHE'] = join(folder, 'cache')
  writeTinyProblem(folder)
  const attacks = [{ plugin: 'fgsm' }, { plugin: 'pgd', options: { steps: 1 } }]
  return { folder, loaded: checkSuite(testSuite(attacks, { limit }), 'suite.json', folder) }
}

function run(loaded: LoadedSuite, results: string, index: number, count: number): Promise<PartRun> {
  const part = { index, count }
  return runPart(loaded, { part, resultsFolder: results, executor: openInProcess })
}

test('parts merge to the result of one run, without data and models', async () => {
  const { folder, loaded } = tinySuite(600)
  const executor = openInProcess
  const whole = await runSuite(loaded, { resultsFolder: join(folder, 'whole'), executor })
  const machines = [1, 2, 3].map((index) => join(folder, `machine-${index}`))
  const parts: PartRun[] = []
  for (const [place, machine] of machines.entries()) {
    parts.push(await run(loaded, machine, place + 1, 3))
  }
  // Four attack chunks, two of them on the same examples, and their clean predictions.
  expect(parts.map(({ units }) => units)).toEqual([2, 2, 3])
  for (const name of ['tiny.onnx', 'inputs.npy', 'labels.npy']) rmSync(join(folder, name))
  const resultsFolder = join(folder, 'merged')
  const early = mergeParts({ folders: [machines[0]!, machines[2]!], resultsFolder })
  await expect(early).rejects.toThrow('1 of 6 chunks not found; missing: --shard 2/3')
  const merged = await mergeParts({ folders: machines, resultsFolder })
  expect(merged.failed).toBe(false)
  expect(contentOf(merged.result)).toEqual(contentOf(whole.result))
  expect(merged.result.evidence!.units.count).toBe(6)
  // Merging again, with the merged directory beside the parts, changes nothing.
  const folders = [...machines, merged.folder]
  const again = await mergeParts({ folders, resultsFolder })
  expect(again.result.evidence).toEqual(merged.result.evidence)
})

test('parts that disagree, of other plans, and damaged ones are refused', async () => {
  const { folder, loaded } = tinySuite(40)
  const [a, b, other] = ['a', 'b', 'other'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  await run(loaded, a, 1, 2)
  const { folder: second } = await run(loaded, b, 2, 2)
  await run(checkSuite({ ...loaded.suite, limit: 50 }, 'suite.json', folder), other, 1, 1)
  await expect(mergeParts({ folders: [a, other] })).rejects.toThrow(
    /test-\w+\.shard-1-of-1 and .*\.shard-1-of-2 are shards of different plans: the suite, its /,
  )
  await expect(mergeParts({ folders: [folder] })).rejects.toThrow(
    'no results of `robench run --shard` found (directories with a shard.json)',
  )
  // Both parts have the clean predictions.
  const { units } = await readUnits(second)
  const [clean] = [...units.values()].filter(({ cell }) => cell.kind === 'clean')
  const { outcomes } = clean!.outcome
  const flipped = (outcomes.startsWith('1') ? '0' : '1') + outcomes.slice(1)
  const { bytes } = encodeUnit(clean!, { ...clean!.outcome, outcomes: flipped })
  writeFileSync(unitFile(second, clean!.id), bytes)
  await expect(mergeParts({ folders: [a, b] })).rejects.toThrow(
    /^chunk [0-9a-f]{12} has different outcomes in .*: their machines do not compute the same; /,
  )
  const [shard] = readdirSync(a)
  const path = join(a, shard!, 'shard.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"limit": 40', '"limit": 41'))
  await expect(mergeParts({ folders: [a] })).rejects.toThrow(
    'shard.json: is damaged, or of another version of robench',
  )
})
