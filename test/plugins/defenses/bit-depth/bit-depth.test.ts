/** Bit-depth reduction: exact levels, and the declared backward pass. */
import { expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../../core/model/load.ts'
import type { Loss, Model } from '../../../../core/model/model.ts'
import { bitDepth } from '../../../../plugins/defenses/bit-depth/bit-depth.ts'
import { mirrorFile, prepareDefense, runFile } from '../../../support/defense-context.ts'

const shape = [1, 2, 4] as const
const setting = { shape, base: mirrorFile(shape) }

test.each([
  [1, [0, 0, 0, 1, 1, 1, 1, 0]],
  // 0.5 · 3 = 1.5 is a tie, which goes to the even 2; so does 0.5 · 7 = 3.5.
  [2, [0, 0, 1 / 3, 2 / 3, 2 / 3, 1, 1, 1 / 3]],
  [3, [0, 1 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7, 1, 3 / 7]],
  [8, [0, 26, 97, 153, 181, 230, 255, 115].map((level) => level / 255)],
])('%i bits leave these levels in onnxruntime', async (bits, levels) => {
  const { model } = await prepareDefense(bitDepth, { base: 'base.onnx', bits }, setting)
  const images = float32([1, ...shape], [0, 0.1, 0.38, 0.6, 0.71, 0.9, 1, 0.45])
  // Division by the number of steps rounds once in float32.
  const rounded = Float32Array.from(levels, (level) => Math.fround(level))
  expect((await runFile(model, images)).data).toEqual(rounded)
})

test('its own gradient is zero, and that of its component is the base model’s', async () => {
  const { model, manifest } = await prepareDefense(bitDepth, { base: 'base.onnx' }, setting)
  const loaded = await loadModel(model, manifest)
  expect(loaded.components).toEqual([{ name: 'input-transformation', backward: 'identity' }])
  expect(loaded.stochastic).toBe(false)
  const images = float32([1, ...shape], Array(8).fill(0.3))
  // Σ (i + 1)·x_i, whose gradient is 1, 2, …, 8.
  const weights = g.floats([8], [1, 2, 3, 4, 5, 6, 7, 8])
  const weighted: Loss = (logits) => g.reduceSum(g.mul(logits, weights), [1])
  const slopeOf = async (variant: Model): Promise<Float32Array> =>
    (await variant.gradient(images, Int32Array.of(0), weighted)).gradient.data
  expect(await slopeOf(loaded)).toEqual(new Float32Array(8))
  const bypassed = loaded.variant({ components: { 'input-transformation': 'identity' } })
  expect(await slopeOf(bypassed)).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8))
  await loaded.dispose()
})
