/** Total variation: its minimizer in closed form, its steps by definition, and its gradient. */
import { describe, expect, test } from 'vitest'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../../core/model/load.ts'
import type { Loss } from '../../../../core/model/model.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { totalVariation } from '../../../../plugins/defenses/total-variation/total-variation.ts'
import { mirrorFile, prepareDefense, runFile } from '../../../support/defense-context.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const shape = [1, 4, 6] as const
const [, height, width] = shape
const setting = { shape, base: mirrorFile(shape) }

async function minimized(options: object, images: FloatTensor): Promise<Float32Array> {
  const { model } = await prepareDefense(totalVariation, { base: 'base.onnx', ...options }, setting)
  return (await runFile(model, images)).data
}

test('two flat halves approach each other by 2λ / width each', async () => {
  // Any z with the same halves has ½‖z − x‖² = ½·h·(w/2)·(a² + b²) for changes a and b of the
  // halves, and λ·TV = λ·h·(1/2 − a − b), which is least at a = b = 2λ/w.
  const edge = Float32Array.from({ length: 24 }, (_, at) => (at % width < 3 ? 0.25 : 0.75))
  const weight = 0.06
  const { data } = float32([1, ...shape], edge)
  const result = await minimized({ weight, steps: 200 }, float32([1, ...shape], data))
  const change = (2 * weight) / width
  const expected = edge.map((value) => (value < 0.5 ? value + change : value - change))
  // What remains after 200 steps.
  expect(result).toBeAllclose(expected, { rtol: 0, atol: 1e-4 })
})

/** The steps of Chambolle 2004 (equation 9), in float64. */
function chambolle(x: Float32Array, weight: number, steps: number): Float64Array {
  const down = new Float64Array(24)
  const right = new Float64Array(24)
  const divergence = (at: number): number => {
    const [row, column] = [Math.floor(at / width), at % width]
    const vertical = (row < height - 1 ? down[at]! : 0) - (row > 0 ? down[at - width]! : 0)
    const horizontal = (column < width - 1 ? right[at]! : 0) - (column > 0 ? right[at - 1]! : 0)
    return vertical + horizontal
  }
  for (let step = 0; step < steps; step++) {
    const field = Float64Array.from({ length: 24 }, (_, at) => divergence(at) - x[at]! / weight)
    for (let at = 0; at < 24; at++) {
      const below = Math.floor(at / width) < height - 1 ? field[at + width]! - field[at]! : 0
      const beside = at % width < width - 1 ? field[at + 1]! - field[at]! : 0
      const length = Math.sqrt(below * below + beside * beside)
      down[at] = (down[at]! + below / 8) / (1 + length / 8)
      right[at] = (right[at]! + beside / 8) / (1 + length / 8)
    }
  }
  return Float64Array.from({ length: 24 }, (_, at) => x[at]! - weight * divergence(at))
}

const noise = randomTensor([1, ...shape], 'pixels')
const images = float32(
  noise.shape,
  noise.data.map((value) => 0.5 + 0.4 * value),
)

describe.each([1, 2, 20])('%i steps', (steps) => {
  test('are those of the paper, in onnxruntime', async () => {
    const expected = chambolle(images.data, 0.05, steps)
    const result = await minimized({ weight: 0.05, steps }, images)
    expect(result).toBeAllclose(expected, { rtol: 0, atol: 1e-6 })
  })
})

test('its exact gradient agrees with central differences', async () => {
  const { model, manifest } = await prepareDefense(
    totalVariation,
    { base: 'base.onnx', steps: 5 },
    setting,
  )
  const loaded = await loadModel(model, manifest)
  expect(loaded.components).toEqual([{ name: 'input-transformation', backward: 'exact' }])
  const direction = randomTensor([24], 'weights')
  const weights = g.constant(direction)
  const weighted: Loss = (logits) => g.reduceSum(g.mul(logits, weights), [1])
  const { gradient } = await loaded.gradient(images, Int32Array.of(0), weighted)
  // The differences are of the definition in float64, whose error is that of the third derivative.
  const at = (k: number, change: number): number => {
    const moved = Float32Array.from(images.data)
    moved[k] = moved[k]! + change
    return chambolle(moved, 0.05, 5).reduce((sum, value, i) => sum + value * direction.data[i]!, 0)
  }
  const step = 2 ** -12
  const numeric = Array.from({ length: 24 }, (_, k) => (at(k, step) - at(k, -step)) / (2 * step))
  expect(gradient.data).toBeAllclose(numeric, { rtol: 1e-3, atol: 1e-4 })
  await loaded.dispose()
})
