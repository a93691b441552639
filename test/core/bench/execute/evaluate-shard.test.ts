/** One shard: its examples, its progress, and what an abort leads to. */
import { expect, test } from 'vitest'
import {
  attackShard,
  predictShard,
  probeShard,
} from '../../../../core/bench/execute/evaluate-shard.ts'
import type { ShardWork } from '../../../../core/bench/execute/evaluate-shard.ts'
import { chooseAttack } from '../../../../core/bench/plan/resolve-attacks.ts'
import { memoryDataset } from '../../../../core/data/memory-dataset.ts'
import { loadModel } from '../../../../core/model/load.ts'
import type { Model } from '../../../../core/model/model.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { loadRegistry } from '../../../../core/plugin/load.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'
import { tinyModel } from '../../../e2e/support/tiny-problem.ts'

const threatModel: ThreatModel = { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] }

/** 20 random images, labeled as the model classifies them, but for the example 12. */
async function openWork(): Promise<{ readonly model: Model; readonly work: ShardWork }> {
  const model = await loadModel(tinyModel(), { bounds: [0, 1], layout: 'NCHW' })
  const stream = randomStream('evaluate-shard')
  const pixels = Float32Array.from({ length: 20 * 64 }, () => stream.uniform())
  const shape = [1, 8, 8] as const
  const labels = predictions(
    await model.logits({ dtype: 'float32', shape: [20, ...shape], data: pixels }),
  )
  labels[12] = (labels[12]! + 1) % 4
  const parts = { id: 'data', title: 'data', split: 'test', toy: false, classNames: [] } as const
  const examples = memoryDataset({ ...parts, shape, pixels, labels })
  const { signal } = new AbortController()
  return { model, work: { model, examples, shard: { start: 10, end: 20 }, batchSize: 4, signal } }
}

test('the examples of the shard are predicted in batches', async () => {
  const { model, work } = await openWork()
  const seen: number[] = []
  const outcome = await predictShard({ ...work, progress: (done) => seen.push(done) })
  expect(outcome).toEqual({ outcomes: '1101111111', forwardPasses: 10, backwardPasses: 0 })
  expect(seen).toEqual([4, 8, 10])
  await model.dispose()
})

test('only correct examples are attacked; progress counts the others as finished', async () => {
  const { model, work } = await openWork()
  const registry = await loadRegistry()
  const chosen = await chooseAttack(registry, { plugin: 'fgsm', options: {} }, 'test')
  const seen: number[] = []
  const clean = '1101111111'
  const { outcome, adversarial } = await attackShard(
    { ...work, progress: (done) => seen.push(done) },
    { chosen, clean, threatModel, curve: [0.05], seed: 0 },
  )
  expect(outcome.outcomes).toMatch(/^[rb]{2}w[rb]{7}$/)
  expect(outcome.breakingEpsilons).toHaveLength(10)
  expect(outcome.breakingEpsilons![2]).toBe(0)
  // Infinity is null, so that the outcome survives JSON.
  expect(JSON.parse(JSON.stringify(outcome))).toEqual(outcome)
  const unchanged = work.examples.rows([12]).data
  expect(adversarial.data.slice(2 * 64, 3 * 64)).toEqual(unchanged)
  expect(seen.at(-1)).toBe(10)
  await model.dispose()
})

test('an abort is ROBENCH_ABORTED in predictions and in probes', async () => {
  const { model, work } = await openWork()
  const registry = await loadRegistry()
  const controller = new AbortController()
  const aborted = { ...work, signal: controller.signal, progress: () => controller.abort() }
  const interrupted = { code: 'ROBENCH_ABORTED', message: 'the evaluation was interrupted' }
  await expect(probeShard(aborted, { threatModel, registry })).rejects.toMatchObject(interrupted)
  await expect(predictShard(aborted)).rejects.toMatchObject(interrupted)
  await model.dispose()
})
