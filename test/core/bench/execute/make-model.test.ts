/** How a defense is called, and the errors if it fails. */
import { expect, test } from 'vitest'
import { hashBytes } from '../../../../core/base/hash.ts'
import { makeModel } from '../../../../core/bench/execute/make-model.ts'
import type { DefenseContext, DefensePlugin } from '../../../../core/plugin/contract.ts'
import { loadRegistry } from '../../../../core/plugin/load.ts'
import { tinyModel } from '../../../e2e/support/tiny-problem.ts'

/** Calls a defense that runs this function. */
async function make(
  prepare: (context: DefenseContext) => Promise<unknown>,
  networkPlace?: string,
): ReturnType<typeof makeModel> {
  const meta = { id: 'test/defense', apiVersion: 1, version: 1, title: 'Test', provenance: 'own' }
  // A plugin in JavaScript may return anything.
  const defense = { kind: 'defense', meta: { ...meta, trains: false }, prepare }
  return makeModel({
    defense: defense as unknown as DefensePlugin<never>,
    options: { width: 3 },
    seed: 7,
    threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
    dataset: { id: 'data', shape: [1, 8, 8], classNames: ['0', '1'] },
    registry: await loadRegistry(),
    loadTrain: () => Promise.reject(new Error('no training split')),
    resolvePath: (path) => `/suite/${path}`,
    checkpointFolder: 'checkpoints',
    threads: 1,
    device: 'cpu',
    signal: new AbortController().signal,
    progress: () => {},
    ...(networkPlace !== undefined && { networkPlace }),
  })
}

const manifest = { bounds: [0, 1], layout: 'NCHW' } as const

test('the card has the hash of the model, its manifest, and how it was made', async () => {
  const model = tinyModel()
  const { bytes, card } = await make(({ options, seed, dataset, resolvePath }) =>
    Promise.resolve({
      model,
      manifest,
      training: { options, seed, dataset, path: resolvePath('a.onnx') },
    }),
  )
  expect(bytes).toBe(model)
  expect(card).toEqual({
    sha256: hashBytes(model),
    manifest,
    training: {
      options: { width: 3 },
      seed: 7,
      dataset: { id: 'data', shape: [1, 8, 8], classNames: ['0', '1'] },
      path: '/suite/a.onnx',
    },
  })
})

test('a network gets the defaults of its options', async () => {
  const titles: string[] = []
  await make(async ({ network }) => {
    titles.push((await network('small-cnn', { layers: 1 })).title)
    return { model: tinyModel(), manifest }
  })
  expect(titles).toEqual(['CNN of 1 convolutions, 16 base channels'])
})

test.each([
  [undefined, 'network "small-cnn"/widht: unknown option; did you mean "width"?'],
  ['train: network', 'train: network.options/widht: unknown option; did you mean "width"?'],
])('a wrong option of a network is reported at %s', async (place, message) => {
  const prepare = ({ network }: DefenseContext): Promise<unknown> =>
    network('small-cnn', { widht: 4 })
  await expect(make(prepare, place)).rejects.toThrow(message)
})

test('an error of the defense names the plugin', async () => {
  await expect(make(() => Promise.reject(new Error('boom')))).rejects.toMatchObject({
    code: 'ROBENCH_PLUGIN_FAILED',
    message: 'defense "test/defense" failed to make its model: boom',
    details: { pluginId: 'test/defense' },
  })
})

test('a result without a model breaks the contract', async () => {
  await expect(make(() => Promise.resolve({ onnx: 1 }))).rejects.toMatchObject({
    code: 'ROBENCH_PLUGIN_CONTRACT',
    message: 'defense "test/defense" must return { model: Uint8Array, manifest }, got keys onnx',
  })
})
