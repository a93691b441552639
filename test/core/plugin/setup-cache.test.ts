/** When the setup of an attack is cached, and when it is repeated. */
import { expect, test } from 'vitest'
import { defineAttack } from '../../../core/plugin/define.ts'
import { runAttack } from '../../../core/plugin/host.ts'
import type { AttackRequest } from '../../../core/plugin/attack-request.ts'
import { SetupCache } from '../../../core/plugin/setup-cache.ts'
import { LinearModel, randomLinearClassifier } from '../../../core/testing/linear-model.ts'
import { delegateModel } from '../../../core/model/delegate.ts'
import type { Model } from '../../../core/model/model.ts'
import { predictions } from '../../../core/model/predictions.ts'
import { tensor } from '../../../core/engine/tensor/tensor.ts'

/** A request whose attack has a setup, and the number of times that it ran. */
async function counting(): Promise<{ request: AttackRequest; times(): number }> {
  let times = 0
  const model = new LinearModel(randomLinearClassifier([1, 2, 2], 3, 1))
  const inputs = tensor(
    'float32',
    [2, 1, 2, 2],
    Float32Array.from({ length: 8 }, (_, i) => i / 8),
  )
  const labels = predictions(await model.logits(inputs))
  const plugin = defineAttack({
    meta: {
      id: 'acme/setup',
      apiVersion: 1,
      version: 1,
      title: 'Setup',
      provenance: 'own',
      norms: ['Linf'],
      knowledge: 'black-box',
      goals: ['untargeted'],
      stochastic: false,
    },
    async run(context) {
      await context.setupOnce('nothing', async () => {
        times += 1
        if (times === 2) throw new Error('no luck')
      })
      return context.inputs
    },
    cost: () => ({ forward: 0, backward: 0 }),
  })
  const request = {
    plugin,
    options: {},
    model,
    inputs,
    labels,
    cleanPredictions: labels,
    exampleIndices: [0, 1],
    threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
    seed: 0,
    batchSize: 2,
    signal: new AbortController().signal,
  } as const satisfies AttackRequest
  return { request, times: () => times }
}

test('requests that share a cache run the setup once per ball', async () => {
  const { request, times } = await counting()
  const setupCache = new SetupCache()
  await runAttack({ ...request, setupCache })
  await runAttack({ ...request, setupCache })
  expect(times()).toBe(1)
  const larger = { ...request, setupCache, threatModel: { ...request.threatModel, epsilon: 0.2 } }
  // A failure is not cached.
  await expect(runAttack(larger)).rejects.toThrow('no luck')
  await runAttack(larger)
  await runAttack(larger)
  expect(times()).toBe(3)
})

test('without a cache, or with a randomized model, each request runs the setup', async () => {
  const { request, times } = await counting()
  await runAttack(request)
  await expect(runAttack(request)).rejects.toThrow('no luck')
  const setupCache = new SetupCache()
  const model: Model = delegateModel(request.model, { stochastic: true, variant: () => model })
  await runAttack({ ...request, model, setupCache })
  await runAttack({ ...request, model, setupCache })
  expect(times()).toBe(4)
  expect(setupCache.isEmpty).toBe(true)
})
