/** The gradient-step defense: its file runs in onnxruntime, and its gradient is of second order. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { hashBytes } from '../../../../core/base/hash.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { crossEntropy } from '../../../../core/model/losses.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import type { Model } from '../../../../core/model/model.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import type { DefenseResult } from '../../../../core/plugin/contract.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import { readModelFile, writeModelFile } from '../../../../core/model/model-files.ts'
import { float32, sizeOf, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { gradientStep } from '../../../../plugins/defenses/gradient-step/gradient-step.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const shape = [2, 6, 6] as const
const size = sizeOf(shape)
const inputs = inside(randomTensor([4, ...shape], 'images'))
const labels = Int32Array.of(0, 1, 2, 3)

let directory: string
let base: Model
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gradient-step-'))
  // A smooth model, whose second derivatives exist everywhere.
  const x = g.input('x', 'float32', ['n', ...shape])
  const hidden = g.tanh(g.conv(x, g.constant(randomTensor([8, 2, 3, 3], 'kernel'))))
  const logits = g.matMul(
    g.op('Flatten', [hidden])[0]!,
    g.mul(g.constant(randomTensor([128, 4], 'head')), 0.5),
  )
  const bytes = toOnnx({ logits }, [x])
  await writeFile(join(directory, 'base.onnx'), bytes)
  base = await loadModel(bytes, plainManifest)
})
afterAll(async () => {
  await base.dispose()
  await rm(directory, { recursive: true })
})

function prepare(options: Readonly<Record<string, unknown>>): Promise<DefenseResult> {
  return gradientStep.prepare({
    // The options were validated against the plugin's schema.
    options: resolveOptions(
      gradientStep.meta,
      { base: 'base.onnx', ...options },
      'options',
    ) as never,
    seed: 0,
    threatModel: { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] },
    dataset: { id: 'test', shape, classNames: ['a', 'b', 'c', 'd'] },
    loadTrain: () => Promise.reject(new Error('unexpected loadTrain')),
    network: () => Promise.reject(new Error('unexpected network')),
    resolvePath: (path) => resolve(directory, path),
    checkpointFolder: directory,
    threads: 1,
    device: 'cpu',
    signal: new AbortController().signal,
    progress: () => undefined,
  })
}

async function load(options: Readonly<Record<string, unknown>>): Promise<Model> {
  const { model, manifest } = await prepare(options)
  return loadModel(model, manifest, { name: 'gradient-step' })
}

/**
 * x + amount · clip(g/rms, −3, 3)/3, where g is the gradient of the loss of the predicted class.
 */
async function stepByHand(images: FloatTensor, amount: number): Promise<FloatTensor> {
  const predicted = predictions(await base.logits(images))
  const { gradient } = await base.gradient(images, predicted, crossEntropy)
  const moved = images.data.map((value, i) => {
    const row = gradient.data.subarray(
      Math.floor(i / size) * size,
      (Math.floor(i / size) + 1) * size,
    )
    const rms = Math.sqrt(row.reduce((sum, part) => sum + part * part, 0) / size)
    const scaled = Math.min(3, Math.max(-3, gradient.data[i]! / rms)) / 3
    return Math.min(1, Math.max(0, value + amount * scaled))
  })
  return float32(images.shape, moved)
}

describe('its file', () => {
  test.each([
    ['away', 0.1],
    ['towards', -0.1],
  ])('steps %s the predicted class in onnxruntime', async (direction, amount) => {
    const { model } = await prepare({ direction, stepSize: 0.1 })
    const session = await Session.load(model)
    const { logits } = await session.run({ images: inputs })
    await session.release()
    const expected = await base.logits(await stepByHand(inputs, amount))
    expect(logits!.data).toBeAllclose(expected.data, { rtol: 1e-3, atol: 1e-4 })
  })

  test('is loaded with its components from its card', async () => {
    const { model, manifest } = await prepare({})
    const path = join(directory, 'with-card.onnx')
    await writeModelFile(path, model, { sha256: hashBytes(model), manifest })
    const file = await readModelFile(path, 'test')
    const loaded = await loadModel(file.bytes, file.card.manifest)
    expect(loaded.components).toEqual([
      { name: 'gradient-map', backward: 'constant' },
      { name: 'restoration', backward: 'identity' },
    ])
    const undefended = loaded.variant({ components: { restoration: 'removed' } })
    expect((await undefended.logits(inputs)).data).toBeAllclose((await base.logits(inputs)).data)
    await loaded.dispose()
  })
})

describe.each([
  { mode: 'pseudo', normalize: 'rms' },
  { mode: 'margin', normalize: 'linf' },
  { mode: 'uniform', normalize: 'frobPerChannel' },
])('with $mode and $normalize', (options) => {
  test('its gradient agrees with central differences', async () => {
    const model = await load({ ...options, stepSize: 0.2 })
    const { gradient } = await model.gradient(inputs, labels, crossEntropy)
    const step = 2e-3
    for (let trial = 0; trial < 3; trial++) {
      const direction = randomTensor(inputs.shape, `direction ${trial}`).data
      const losses = async (sign: number): Promise<Float32Array> => {
        const data = inputs.data.map((value, i) => value + sign * step * direction[i]!)
        return (await model.gradient(float32(inputs.shape, data), labels, crossEntropy)).losses
      }
      const [above, below] = [await losses(1), await losses(-1)]
      labels.forEach((_, row) => {
        const numeric = (above[row]! - below[row]!) / (2 * step)
        let analytic = 0
        for (let i = row * size; i < (row + 1) * size; i++) {
          analytic += gradient.data[i]! * direction[i]!
        }
        // Float32 rounding divided by the step, and the step squared times the third derivative.
        expect(Math.abs(analytic - numeric)).toBeLessThan(1e-2 * Math.max(1, Math.abs(numeric)))
      })
    }
    await model.dispose()
  })

  test('each treatment of its components changes the gradient', async () => {
    const model = await load({ ...options, stepSize: 0.2 })
    const slopeOf = async (
      components: Parameters<Model['variant']>[0]['components'],
    ): Promise<number[]> => {
      const variant = model.variant(components ? { components } : {})
      return Array.from((await variant.gradient(inputs, labels, crossEntropy)).gradient.data)
    }
    const slopes = await Promise.all([
      slopeOf({}),
      slopeOf({ 'gradient-map': 'constant' }),
      slopeOf({ restoration: 'identity' }),
      slopeOf({ restoration: 'removed' }),
    ])
    expect(new Set(slopes.map((slope) => slope.join())).size).toBeGreaterThanOrEqual(3)
    // With a constant map, the step is x plus a constant, so its derivative is that of the
    // clipping.
    expect(slopes[1]).toBeAllclose(slopes[2], { rtol: 1e-4, atol: 1e-5 })
    await model.dispose()
  })
})

test('rejects a missing base file', async () => {
  await expect(prepare({ base: 'nowhere.onnx' })).rejects.toThrow('nowhere.onnx does not exist')
})

/** Moves images away from the bounds, where clipping is not differentiable. */
function inside(x: FloatTensor): FloatTensor {
  return float32(
    x.shape,
    x.data.map((value) => 0.5 + 0.25 * value),
  )
}
