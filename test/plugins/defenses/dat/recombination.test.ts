/** The invariants of amplitude mixing and of the generator (DAT, sections 2 and 3). */
import { expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { float32, sizeOf, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { ModuleScope } from '../../../../core/training/module.ts'
import { ParameterStore } from '../../../../core/training/scope.ts'
import { drawViews } from '../../../../core/training/views.ts'
import { amplitudeGenerator } from '../../../../plugins/defenses/dat/generator.ts'
import {
  amplitudeOf,
  recombineImages,
  scaleToImage,
} from '../../../../plugins/defenses/dat/recombination.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const shape = [3, 2, 8, 8] as const
const images = gray('images')
const others = gray('others')

/** Values in [0.3, 0.7], so that mixtures are not clipped. */
function gray(name: string): FloatTensor {
  return float32(
    shape,
    randomTensor(shape, name).data.map((value) => 0.5 + 0.2 * value),
  )
}

/** Recombined images with share λ and views that leave pixels where they are. */
async function recombined(
  share: number,
  foreignOf: (x: Value, y: Value) => Value,
): Promise<Float32Array> {
  const [x, y] = ['x', 'y'].map((name) => g.input(name, 'float32', shape)) as [Value, Value]
  const drawn = drawViews(3, [8, 8], { crop: 0, flip: false }, () => randomStream('views'))
  const mixed = recombineImages(x, foreignOf(x, y), {
    mix: g.constant(float32([3, 1, 1, 1], [share, share, share])),
    views: { rows: g.constant(drawn.rows), columns: g.constant(drawn.columns) },
    bounds: [0, 1],
  })
  const session = await Session.compile({ mixed }, [x, y])
  const outputs = await session.run({ x: images, y: others })
  await session.release()
  return outputs['mixed']!.data as Float32Array
}

test('λ = 0 is the identity', async () => {
  const found = await recombined(0, (_x, y) => amplitudeOf(y))
  expect(found).toBeAllclose(images.data, { atol: 1e-6 })
})

test('the own amplitude is the identity for any λ', async () => {
  const found = await recombined(0.7, (x) => amplitudeOf(x))
  expect(found).toBeAllclose(images.data, { rtol: 1e-5, atol: 1e-5 })
})

test('a foreign amplitude is mixed with weight λ', async () => {
  const [none, half, all] = [
    images.data,
    await recombined(0.5, (_x, y) => amplitudeOf(y)),
    await recombined(1, (_x, y) => amplitudeOf(y)),
  ]
  // Recombination is linear in the amplitude.
  const expected = none.map((value, i) => (value + all[i]!) / 2)
  expect(half).toBeAllclose(expected, { rtol: 1e-4, atol: 1e-5 })
  expect(all.reduce((most, value, i) => Math.max(most, Math.abs(value - none[i]!)), 0)).toBeCloseTo(
    0.3,
    0,
  )
})

test('a generated amplitude is scaled to the largest amplitude of each channel', async () => {
  const x = g.input('x', 'float32', shape)
  const unit = g.constant(float32(shape, new Float32Array(sizeOf(shape)).fill(0.5)))
  const outputs = { scaled: scaleToImage(unit, x), own: amplitudeOf(x) }
  const session = await Session.compile(outputs, [x])
  const { scaled, own } = await session.run({ x: images })
  await session.release()
  const amplitudes = own!.data as Float32Array
  const found = scaled!.data as Float32Array
  for (let plane = 0; plane < 6; plane++) {
    const largest = Math.max(...amplitudes.subarray(64 * plane, 64 * plane + 64))
    expect(found[64 * plane + 5]).toBeCloseTo(largest / 2, 4)
  }
})

test('the generator of the released code has 3,856,512 parameters for 10 classes', () => {
  const store = new ParameterStore(0)
  const generator = amplitudeGenerator({
    widths: [128, 256, 512, 1024],
    imageShape: [3, 32, 32],
  })
  const noise = g.input('noise', 'float32', [8, 100])
  const logits = g.input('logits', 'float32', [8, 10])
  const amplitude = new ModuleScope(store).apply(generator, [noise, logits], { training: true })
  expect(amplitude.shape).toEqual([8, 3, 32, 32])
  const trained = store.parameters.filter(({ trainable }) => trainable)
  const count = trained.reduce((sum, { initial }) => sum + initial.data.length, 0)
  expect(count).toBe(3_856_512)
})
