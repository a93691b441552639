/** Random resizing: exact interpolation and positions, and the distribution of draws. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { randomlyResized } from '../../../../plugins/defenses/random-resize/random-placement.ts'
import { randomResize } from '../../../../plugins/defenses/random-resize/random-resize.ts'
import { mirrorFile, prepareDefense } from '../../../support/defense-context.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const side = 5
const image = randomTensor([side, side], 'pixels').data

/** Resizes with aligned centers, and places the result. */
function placed(size: number, top: number, left: number): Float64Array {
  const line = (at: number): readonly [low: number, share: number] => {
    const center = Math.min(side - 1, Math.max(0, ((at + 0.5) * side) / size - 0.5))
    const low = Math.min(side - 2, Math.floor(center))
    return [low, center - low]
  }
  const output = new Float64Array(side * side)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const [[y, down], [x, right]] = [line(i), line(j)]
      const pixel = (row: number, column: number): number => image[row * side + column]!
      output[(top + i) * side + left + j] =
        (1 - down) * ((1 - right) * pixel(y, x) + right * pixel(y, x + 1)) +
        down * ((1 - right) * pixel(y + 1, x) + right * pixel(y + 1, x + 1))
    }
  }
  return output
}

describe.each([
  // Sizes 3, 4, 5 with equal shares, and 5 − s + 1 positions.
  { draws: [0, 0, 0.99], size: 3, top: 0, left: 2 },
  { draws: [0.3, 0.5, 0.2], size: 3, top: 1, left: 0 },
  { draws: [0.5, 0.5, 0.4], size: 4, top: 1, left: 0 },
  { draws: [0.99, 0.9, 0.9], size: 5, top: 0, left: 0 },
])('the draws $draws', ({ draws, size, top, left }) => {
  test(`give ${size} pixels at ${top}, ${left}`, async () => {
    const x = g.input('x', 'float32', ['n', 1, side, side])
    const random = g.input('random', 'float32', ['n', 1, side, side])
    const file = toOnnx({ y: randomlyResized(x, random, 3) }, [x, random])
    const session = await Session.load(file)
    const numbers = new Float32Array(side * side)
    numbers.set(draws)
    const { y } = await session.run({
      x: float32([1, 1, side, side], image),
      random: float32([1, 1, side, side], numbers),
    })
    await session.release()
    expect(y!.data).toBeAllclose(placed(size, top, left), { rtol: 0, atol: 1e-6 })
  })
})

test('the file draws each placement equally often within its size, per example', async () => {
  const shape = [1, 4, 4] as const
  const { model, manifest } = await prepareDefense(
    randomResize,
    { base: 'base.onnx', smallest: 0.75 },
    { shape, base: mirrorFile(shape) },
  )
  const loaded = await loadModel(model, manifest)
  expect(loaded.stochastic).toBe(true)
  expect(loaded.components).toEqual([{ name: 'input-transformation', backward: 'exact' }])
  // White images show where they are placed. Sizes are 3 and 4; size 3 has 4 places.
  const count = 2000
  const white: FloatTensor = float32([count, ...shape], new Float32Array(count * 16).fill(1))
  for (let row = 0; row < count; row++) white.data[row * 16] = 1 - row / 1e6
  const { data } = await loaded.logits(white)
  const counts = new Map<string, number>()
  for (let row = 0; row < count; row++) {
    const shown = Array.from(data.subarray(row * 16, (row + 1) * 16), (v) => Math.round(v)).join('')
    counts.set(shown, (counts.get(shown) ?? 0) + 1)
  }
  await loaded.dispose()
  const whole = counts.get('1'.repeat(16)) ?? 0
  const parts = ['1110111011100000', '0111011101110000', '0000111011101110', '0000011101110111']
  // Draws are fixed by the seed; the bounds are 4 standard deviations of binomial counts.
  expect(Math.abs(whole - 1000)).toBeLessThan(4 * Math.sqrt(500))
  for (const part of parts) {
    expect(Math.abs((counts.get(part) ?? 0) - 250)).toBeLessThan(4 * Math.sqrt(218.75))
  }
  expect(counts.size).toBe(5)
})

test('images that are not square are refused', async () => {
  const shape = [1, 4, 5] as const
  await expect(
    prepareDefense(randomResize, { base: 'base.onnx' }, { shape, base: mirrorFile(shape) }),
  ).rejects.toThrow('random-resize: expected square images, got 4 × 5')
})
