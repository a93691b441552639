/** Windowed passes answer as whole ones do, whatever was kept before. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClassifierModel } from '../../../../core/model/classifier.ts'
import { loadModel } from '../../../../core/model/load.ts'
import type { AskedPoint, KnownPoint, WindowedPasses } from '../../../../core/model/model.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'

const file = fileURLToPath(new URL('../../../../models/cifar10-pgd-at.onnx', import.meta.url))
const size = 3 * 32 * 32
let model: ClassifierModel
let passes: WindowedPasses

beforeAll(async () => {
  const { manifest } = JSON.parse(await readFile(`${file}.json`, 'utf8'))
  model = await loadModel(new Uint8Array(await readFile(file)), manifest, {
    inputShape: [3, 32, 32],
  })
  passes = (await model.windowed(new Map([4, 3, 2].map((side) => [side, 1]))))!
})
afterAll(() => model.dispose())

/** Random images `[n, 3, 32, 32]`. */
function randomImages(count: number): FloatTensor {
  const stream = randomStream(count, 'images')
  return float32(
    [count, 3, 32, 32],
    Float32Array.from({ length: count * size }, () => stream.uniform()),
  )
}

function expectClose(actual: FloatTensor, expected: FloatTensor): void {
  expect(actual.shape).toEqual(expected.shape)
  actual.data.forEach((logit, i) => expect(logit).toBeCloseTo(expected.data[i]!, 4))
}

describe('windowed passes', () => {
  test('answer as whole ones do over a long search', async () => {
    const count = 5
    const stream = randomStream(3, 'search')
    const best = randomImages(count)
    const known = Array.from({ length: count }, () => passes.know())
    await passes.logits(
      best,
      known.map((point) => ({ known: point })),
    )
    for (const point of known) point.keep()
    for (let step = 0; step < 30; step++) {
      // Now and then a side that has no session of its own, or a point without a window.
      const rows = Array.from({ length: count }, (_, row) => row).filter(
        () => stream.uniform() < 0.8,
      )
      if (rows.length === 0) continue
      const data = new Float32Array(rows.length * size)
      const asked = rows.map((row, place): AskedPoint => {
        const point = data.subarray(place * size, (place + 1) * size)
        point.set(best.data.subarray(row * size, (row + 1) * size))
        if (stream.uniform() < 0.1) {
          point.forEach((_, i) => (point[i] = stream.uniform()))
          return { known: known[row]! }
        }
        const side = [2, 3, 4, 7][stream.integer(4)]!
        const window = {
          top: stream.integer(33 - side),
          left: stream.integer(33 - side),
          side,
        }
        for (let i = 0; i < size; i++) {
          const [y, x] = [(Math.floor(i / 32) % 32) - window.top, (i % 32) - window.left]
          if (y >= 0 && y < side && x >= 0 && x < side) point[i] = stream.uniform()
        }
        return { known: known[row]!, window }
      })
      const points = float32([rows.length, 3, 32, 32], data)
      expectClose(await passes.logits(points, asked), await model.logits(points))
      rows.forEach((row, place) => {
        if (stream.uniform() < 0.5) return
        known[row]!.keep()
        best.data.set(data.subarray(place * size, (place + 1) * size), row * size)
      })
    }
  })

  test('forget a point that was kept without a window', async () => {
    const [first, second] = [randomImages(1), randomImages(2)]
    const known = passes.know()
    const window = { top: 9, left: 9, side: 3 }
    const other = float32([1, 3, 32, 32], second.data.slice(0, size))
    // Neither window differs from its point: what matters is what is kept around it.
    for (const point of [first, other, first]) {
      await passes.logits(point, [{ known }])
      known.keep()
      for (let turn = 0; turn < 3; turn++) {
        expectClose(await passes.logits(point, [{ known, window }]), await model.logits(point))
        known.keep()
      }
    }
  })

  test('count as forward passes, one an example', async () => {
    const before = { ...model.passes }
    await passes.logits(
      randomImages(3),
      [1, 2, 3].map(() => ({ known: passes.know() })),
    )
    expect(model.passes).toEqual({ ...before, forward: before.forward + 3 })
  })

  test('are not offered where they save too little', async () => {
    expect(await model.windowed(new Map([[24, 1]]))).toBeUndefined()
  })

  test.each([
    [
      { top: 30, left: 0, side: 3 },
      /inside the image of 32 × 32, got one of side 3 at row 30, column 0/,
    ],
    [{ top: 0, left: 0.5, side: 3 }, /expected a window inside/],
    [{ top: 0, left: 0, side: 0 }, /expected a window inside/],
  ])('refuse the window %o', async (window, message) => {
    const point = { known: passes.know(), window }
    await expect(passes.logits(randomImages(1), [point])).rejects.toThrow(message)
  })

  test('refuse points that they do not know', async () => {
    const stranger: KnownPoint = { keep: () => {} }
    await expect(passes.logits(randomImages(1), [{ known: stranger }])).rejects.toThrow(
      /that know\(\) gave/,
    )
    await expect(passes.logits(randomImages(2), [])).rejects.toThrow(/one entry for each of 2/)
  })
})
