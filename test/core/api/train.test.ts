/** `train`: defaults, determinism, saved models, and errors. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { evaluate, train } from '../../../core/api/index.ts'
import type { TrainRequest } from '../../../core/api/index.ts'
import { hashBytes } from '../../../core/base/hash.ts'
import { readModelFile } from '../../../core/model/model-files.ts'
import { randomStream } from '../../../core/base/random.ts'
import { temporaryFolder } from '../../e2e/support/cli.ts'

/** 96 images of 2 classes, dark and light. */
function darkOrLight(): { inputs: { data: Uint8Array; shape: number[] }; labels: Int32Array } {
  const stream = randomStream('dark or light')
  const labels = Int32Array.from({ length: 96 }, (_, i) => i % 2)
  const data = Uint8Array.from({ length: 96 * 64 }, (_, i) =>
    Math.round(255 * (0.2 + 0.5 * labels[Math.floor(i / 64)]! + 0.1 * stream.uniform())),
  )
  return { inputs: { data, shape: [96, 1, 8, 8] }, labels }
}

const quick: TrainRequest = {
  data: darkOrLight(),
  network: { id: 'small-cnn', options: { width: 4, layers: 2, hidden: 8 } },
  epochs: 2,
  batchSize: 16,
  validation: 16,
  crop: 0,
  flip: false,
}

test('a model is trained with defaults, saved, and evaluated', async () => {
  const states: number[] = []
  const trained = await train({ ...quick, progress: ({ epoch }) => states.push(epoch) })
  expect(new Set(states)).toEqual(new Set([0, 1]))
  expect(trained.card).toMatchObject({
    sha256: hashBytes(trained.model),
    manifest: { bounds: [0, 1], layout: 'NCHW', classNames: ['0', '1'] },
    training: { defense: 'standard@2', seed: 0, options: { learningRate: 0.1, momentum: 0.9 } },
  })
  const path = join(temporaryFolder(), 'dark-or-light.onnx')
  await trained.save(path)
  expect((await readModelFile(path, 'test')).card).toEqual(trained.card)
  const { clean } = await evaluate({
    model: path,
    data: darkOrLight(),
    threatModel: { norm: 'Linf', epsilon: 0.01 },
    attacks: ['fgsm'],
    checks: false,
  })
  expect(clean.accuracy).toBe(1)
})

test('the same seed gives the same bytes, another seed gives different bytes', async () => {
  const [first, second, other] = [
    await train(quick),
    await train({ ...quick, checkpointFolder: join(temporaryFolder(), 'checkpoints') }),
    await train({ ...quick, seed: 1 }),
  ]
  expect(second.card.sha256).toBe(first.card.sha256)
  expect(other.card.sha256).not.toBe(first.card.sha256)
})

test('with an adversary, training is adversarial', async () => {
  const { card } = await train({
    ...quick,
    epochs: 1,
    adversary: { norm: 'Linf', epsilon: '8/255', steps: 2 },
  })
  expect(card.training).toMatchObject({
    defense: 'pgd-at@2',
    adversary: { threatModel: { norm: 'Linf', epsilon: 8 / 255 }, steps: 2, stepSize: 2 / 255 },
  })
})

test('each mistake has a specific message', async () => {
  const unknown = { ...quick, epoch: 3 }
  await expect(train(unknown)).rejects.toThrow('train: /epoch: unknown option; did you mean')
  await expect(train({ ...quick, network: 'small-cn' })).rejects.toThrow(
    'train: network: unknown network plugin "small-cn"; did you mean "small-cnn"?',
  )
  await expect(train({ ...quick, defense: 'onnx-model' })).rejects.toThrow(
    'train: defense "onnx-model" does not train a model',
  )
  await expect(train({ ...quick, validation: 96 })).rejects.toThrow(
    'validation: expected fewer held-out examples than the 96 of the data set, got 96',
  )
  await expect(train({ ...quick, adversary: { norm: 'Linf', epsilon: '8:255' } })).rejects.toThrow(
    'train: adversary.epsilon: expected a positive number',
  )
  const signal = AbortSignal.abort()
  await expect(train({ ...quick, signal })).rejects.toMatchObject({ code: 'ROBENCH_ABORTED' })
})
