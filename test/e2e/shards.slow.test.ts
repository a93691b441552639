/** `run --shard` and `merge`: several runs, each of a part of a suite, and one result. */
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RunResult } from '../../core/bench/result/result.ts'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { contentOf, outcomesOf, readOnlyResult, testSuite } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

test('three shards on separate machines merge to the result of one run', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const attacks = [{ plugin: 'test/noise' }, { plugin: 'pgd', options: { steps: 2 } }]
  writeJson(folder, 'suite.json', testSuite(attacks, { seeds: [1, 2] }))
  const whole = robench(folder, 'run', 'suite.json', '--results', 'results', '--workers', '1')
  for (const index of [1, 2, 3]) {
    const words = ['--shard', `${index}/3`, '--results', `machine-${index}`, '--workers', '1']
    const shard = await robench(folder, 'run', 'suite.json', ...words, '--save-adversarial')
    expect(shard.stderr).toMatch(/note: shard \d of 3: \d+ of 15 chunks, 0 done/)
    expect(shard.code).toBe(0)
  }
  expect((await whole).code).toBe(0)
  const early = await robench(folder, 'merge', 'machine-1', 'machine-3', '--results', 'merged')
  expect(early.code).toBe(2)
  expect(early.stderr).toMatch(/^error: \d of 15 chunks not found; missing: --shard 2\/3\n$/)
  const machines = ['machine-1', 'machine-2', 'machine-3']
  // The data and the model are not needed.
  for (const name of ['tiny.onnx', 'inputs.npy', 'labels.npy']) rmSync(join(folder, name))
  const merged = await robench(folder, 'merge', ...machines, '--results', 'merged', '--json')
  expect(merged.code).toBe(0)
  const result = JSON.parse(merged.stdout) as RunResult
  expect(contentOf(result)).toEqual(contentOf(readOnlyResult(folder)))
  expect(Object.keys(outcomesOf(result))).toHaveLength(5)
  expect(result.environment.workers).toBe(3)
  const [name] = readdirSync(join(folder, 'merged'))
  const points = join(folder, 'merged', name!, 'adversarials', 'tiny')
  expect(readdirSync(points)).toHaveLength(4)
})

test('shards of other plans, and shards that disagree, are refused', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'a.json', testSuite([{ plugin: 'fgsm' }], { limit: 600 }))
  writeJson(folder, 'b.json', testSuite([{ plugin: 'fgsm' }], { limit: 700 }))
  for (const [suite, results] of [
    ['a.json', 'a'],
    ['b.json', 'b'],
  ] as const) {
    await robench(folder, 'run', suite, '--shard', '1/1', '--results', results, '--workers', '1')
  }
  const mixed = await robench(folder, 'merge', 'a', 'b')
  expect(mixed.stderr).toContain('are shards of different plans: the suite, its data, ')
  expect(mixed.code).toBe(2)
  const empty = await robench(folder, 'merge', '.')
  expect(empty.stderr).toBe(
    'error: .: no results of `robench run --shard` found (directories with a shard.json)\n',
  )
  const [shard] = readdirSync(join(folder, 'a'))
  const path = join(folder, 'a', shard!, 'shard.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"limit": 600', '"limit": 601'))
  const damaged = await robench(folder, 'merge', 'a')
  expect(damaged.stderr).toContain('shard.json: is damaged, or of another version of robench')
})
