/** TRN as a defense: it learns, its file runs in onnxruntime, and adaptive attacks find its parts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import * as ort from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashBytes } from '../../../../core/base/hash.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { readOnnx, writeOnnx } from '../../../../core/engine/onnx/file.ts'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { crossEntropy } from '../../../../core/model/losses.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import type { Model } from '../../../../core/model/model.ts'
import { writeModelFile } from '../../../../core/model/model-files.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import type { DefenseResult } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import type { EpochRecord } from '../../../../core/training/run-training.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'
import { pgd } from '../../../../plugins/attacks/gradient/pgd.ts'
import { bpda } from '../../../../plugins/attacks/wrappers/bpda.ts'
import { gradientAware } from '../../../../plugins/attacks/wrappers/gradient-aware.ts'
import { trn } from '../../../../plugins/defenses/trn/trn.ts'
import { attackRequest, countOutcomes, withOptions } from '../../../support/attack-request.ts'
import { float, node, onnxGraph } from '../../../support/onnx-file.ts'
import { barsClassifier, barsDataset } from '../../../support/bars.ts'

const data = barsDataset(300)
const held = barsDataset(40, 'held-out bars')
const images = held.rows(Array.from({ length: 40 }, (_, i) => i))
const threatModel = { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] } as const

let directory: string
let base: Model
let trained: DefenseResult
let model: Model
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trn-'))
  const bytes = await barsClassifier(data)
  const card = { sha256: hashBytes(bytes), manifest: plainManifest }
  await writeModelFile(join(directory, 'base.onnx'), bytes, card)
  base = await loadModel(bytes, plainManifest)
  trained = await prepare({
    epochs: 8,
    validation: 60,
    attacks: ['pgd'],
    radius: 'fixed',
    crossEntropyWeight: 1,
  })
  model = await loadModel(trained.model, trained.manifest, { name: 'trn' })
})
afterAll(async () => {
  await Promise.all([base.dispose(), model.dispose()])
  await rm(directory, { recursive: true })
})

function prepare(
  options: Readonly<Record<string, unknown>>,
  chosen: ThreatModel = threatModel,
): Promise<DefenseResult> {
  const given = {
    base: 'base.onnx',
    width: 4,
    blocks: 1,
    batchSize: 20,
    steps: 3,
    learningRate: 0.01,
    ...options,
  }
  return trn.prepare({
    // The options were validated against the plugin's schema.
    options: resolveOptions(trn.meta, given, 'options') as never,
    seed: 0,
    threatModel: chosen,
    dataset: { id: data.id, shape: data.shape, classNames: data.classNames },
    loadTrain: () => Promise.resolve(data),
    network: () => Promise.reject(new Error('unexpected network')),
    resolvePath: (path) => resolve(directory, path),
    checkpointFolder: join(directory, JSON.stringify(options).replaceAll(/\W/g, '')),
    threads: 1,
    device: 'cpu',
    signal: new AbortController().signal,
    progress: () => undefined,
  })
}

function epochsOf({ training }: DefenseResult): readonly EpochRecord[] {
  return training!['epochs'] as readonly EpochRecord[]
}

test('training lowers the loss and restores what the base model gets wrong', async () => {
  const epochs = epochsOf(trained)
  const last = epochs.at(-1)!
  expect(last.loss).toBeLessThan(0.75 * epochs[0]!.loss)
  expect(Object.keys(last.metrics!).toSorted()).toEqual(['benign', 'crossEntropy', 'restoration'])
  expect(trained.training!['validationAttack']).toBe('PGD with 10 steps on the base model')
  const attack = withOptions(pgd, { steps: 10 })
  const request = { inputs: images, labels: held.labels, threatModel, ...attack }
  const { adversarial } = await runAttack(await attackRequest({ model: base, ...request }))
  const accuracyOn = async (on: Model): Promise<number> =>
    predictions(await on.logits(adversarial)).filter((k, i) => k === held.labels[i]).length / 40
  expect(await accuracyOn(model)).toBeGreaterThan((await accuracyOn(base)) + 0.4)
})

/** Outputs of the file alone in onnxruntime, with a named tensor among them. */
async function inRuntime(bytes: Uint8Array, tensor: string): Promise<Record<string, FloatTensor>> {
  const graph = readOnnx(bytes, 'trn')
  const shown = { name: tensor, dtype: 'float32', shape: ['n', 1, 8, 8] } as const
  const outputs = tensor === 'logits' ? graph.outputs : [...graph.outputs, shown]
  const session = await ort.InferenceSession.create(writeOnnx({ ...graph, outputs }))
  const feeds = { inputs: new ort.Tensor('float32', images.data, images.shape) }
  const results = await session.run(feeds)
  await session.release()
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, data: values }]) => [
      name,
      float32(dims, values as Float32Array),
    ]),
  )
}

test('its file alone in onnxruntime has the logits of the model', async () => {
  const { logits } = await inRuntime(trained.model, 'logits')
  const expected = await model.logits(images)
  expect(logits!.data).toBeAllclose(expected.data, { rtol: 1e-3, atol: 1e-4 })
})

describe('its components', () => {
  test('are the gradient map and the restoration', () => {
    expect(model.components).toEqual([
      { name: 'gradient-map', backward: 'constant' },
      { name: 'restoration', backward: 'identity' },
    ])
  })

  test('without the restoration it is the base model', async () => {
    const undefended = model.variant({ components: { restoration: 'removed' } })
    const [found, expected] = [await undefended.logits(images), await base.logits(images)]
    expect(found.data).toBeAllclose(expected.data, { rtol: 1e-4, atol: 1e-5 })
  })

  test('with the restoration as the identity, the gradient is that of the base model there', async () => {
    const { restored } = await inRuntime(trained.model, 'restored')
    const passed = model.variant({ components: { restoration: 'identity' } })
    const found = await passed.gradient(images, held.labels, crossEntropy)
    const expected = await base.gradient(restored!, held.labels, crossEntropy)
    const largest = Math.max(...expected.gradient.data.map(Math.abs))
    const tolerance = { rtol: 1e-3, atol: 1e-4 * largest }
    expect(found.gradient.data).toBeAllclose(expected.gradient.data, tolerance)
  })

  test('bpda and the gradient-aware attack use them', async () => {
    const request = await attackRequest({
      model,
      inputs: images,
      labels: held.labels,
      cleanPredictions: predictions(await model.logits(images)),
      threatModel,
    })
    const { stages } = await runAttack({
      ...request,
      ...withOptions(gradientAware, { steps: 5 }),
    })
    expect(stages!.map(({ name }) => name)).toEqual(['oblivious', 'bpda', 'half', 'full'])
    const left = stages!.map((stage) => countOutcomes(stage.outcomes, 'r'))
    expect(left.at(-1)).toBeLessThan(left[0]!)
    const inner = withOptions(pgd, { steps: 5 })
    const passed = await runAttack({ ...request, ...withOptions(bpda), inner })
    // Without the steps of the modes before it, bpda leaves no more than its stage started with.
    const correct = stages![0]!.outcomes.length - countOutcomes(stages![0]!.outcomes, 'w')
    expect(countOutcomes(passed.outcomes, 'r')).toBeLessThan(correct)
  })

  test('of the image stream alone are the restoration', async () => {
    const { manifest, model: bytes } = await prepare({
      streams: 'image-only',
      epochs: 1,
      validation: 60,
    })
    const loaded = await loadModel(bytes, manifest)
    expect(loaded.components).toEqual([{ name: 'restoration', backward: 'identity' }])
    await loaded.dispose()
  })
})

test('the oracle is not in the file, which starts as the base model', async () => {
  // The last convolution starts at 0, and this rate leaves it near there.
  const oracle = await prepare({ map: 'oracle', epochs: 1, learningRate: 1e-9, validation: 60 })
  const { model: bytes, manifest, training } = oracle
  expect(training!['exportedMap']).toBe(
    'pseudo, because labels are known in training and validation only',
  )
  expect(trained.training!['exportedMap']).toBeUndefined()
  const start = await loadModel(bytes, manifest)
  const [found, expected] = [await start.logits(images), await base.logits(images)]
  expect(found.data).toBeAllclose(expected.data, { rtol: 1e-4, atol: 1e-4 })
  await start.dispose()
})

describe('it rejects', () => {
  test('a threat model in L1', async () => {
    const wrong = { norm: 'L1', epsilon: 1, bounds: [0, 1] } as const
    await expect(prepare({}, wrong)).rejects.toThrow(
      'trn: expected a threat model in Linf or L2, got L1; remove it from this suite',
    )
  })

  test.each([
    ['other classes', 4, plainManifest, '4 classes and inputs in [0, 1]'],
    ['other bounds', 3, { ...plainManifest, bounds: [0, 255] }, '3 classes and inputs in [0, 255]'],
  ] as const)('a base model with %s', async (name, classes, manifest, found) => {
    const x = g.input('x', 'float32', ['n', 1, 8, 8])
    const weights = g.floats([64, classes], Array(64 * classes).fill(0.1))
    const bytes = toOnnx({ logits: g.matMul(g.op('Flatten', [x])[0]!, weights) }, [x])
    const path = `${name}.onnx`
    await writeModelFile(join(directory, path), bytes, { sha256: hashBytes(bytes), manifest })
    await expect(prepare({ base: path })).rejects.toThrow(
      'option base: expected a model of 3 classes and inputs in [0, 1], as in bars, but ' +
        `${path} has ${found}`,
    )
  })

  test('a base model that draws random numbers', async () => {
    const bytes = writeOnnx(
      onnxGraph({
        input: ['n', 1, 8, 8],
        outputs: ['z'],
        nodes: [
          node('RandomNormalLike', 'x', 'noise', { scale: float(0.1) }),
          node('Add', 'x noise', 'y'),
          node('Flatten', 'y', 'z'),
        ],
      }),
    )
    const card = { sha256: hashBytes(bytes), manifest: plainManifest }
    await writeModelFile(join(directory, 'random.onnx'), bytes, card)
    await expect(prepare({ base: 'random.onnx' })).rejects.toThrow(
      /^option base: expected a deterministic model, but .*random\.onnx draws random numbers/,
    )
  })
})
