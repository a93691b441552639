/** Incremental passes give the logits of whole passes, whatever was accepted before. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClassifierModel } from '../../../../core/model/classifier.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import {
  incrementalPasses,
  type PixelWindow,
  type WindowQueries,
} from '../../../../core/model/window-queries.ts'

const file = fileURLToPath(new URL('../../../../models/cifar10-pgd-at.onnx', import.meta.url))
const size = 3 * 32 * 32
const sides = new Map([4, 3, 2].map((side) => [side, 1]))
let model: ClassifierModel
let queries: WindowQueries

beforeAll(async () => {
  const { manifest } = JSON.parse(await readFile(`${file}.json`, 'utf8'))
  model = await loadModel(new Uint8Array(await readFile(file)), manifest, {
    inputShape: [3, 32, 32],
  })
  queries = (await model[incrementalPasses](sides))!
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

/** A search without a window, and the same one with another window for each query. */
function newSearch(): { window: PixelWindow | undefined } {
  return { window: undefined }
}

/** Replaces the pixels of a window at random. */
function redraw(point: Float32Array, window: PixelWindow, uniform: () => number): void {
  for (let i = 0; i < size; i++) {
    const [y, x] = [(Math.floor(i / 32) % 32) - window.top, (i % 32) - window.left]
    if (y >= 0 && y < window.side && x >= 0 && x < window.side) point[i] = uniform()
  }
}

describe('incremental passes', () => {
  test('give the logits of whole passes over a long search', async () => {
    const count = 5
    const stream = randomStream(3, 'search')
    const uniform = (): number => stream.uniform()
    const best = randomImages(count)
    const searches = Array.from({ length: count }, newSearch)
    await queries.logits(best, searches)
    for (const search of searches) queries.accept(search)
    for (let step = 0; step < 30; step++) {
      const rows = Array.from({ length: count }, (_, row) => row).filter(() => uniform() < 0.8)
      if (rows.length === 0) continue
      const data = new Float32Array(rows.length * size)
      rows.forEach((row, place) => {
        const point = data.subarray(place * size, (place + 1) * size)
        point.set(best.data.subarray(row * size, (row + 1) * size))
        // Some queries have no window, and some a side that has no session of its own.
        if (uniform() < 0.1) {
          point.forEach((_, i) => (point[i] = uniform()))
          searches[row]!.window = undefined
          return
        }
        const side = [2, 3, 4, 7][stream.integer(4)]!
        const window = { top: stream.integer(33 - side), left: stream.integer(33 - side), side }
        redraw(point, window, uniform)
        searches[row]!.window = window
      })
      const points = float32([rows.length, 3, 32, 32], data)
      const actual = await queries.logits(
        points,
        rows.map((row) => searches[row]!),
      )
      expectClose(actual, await model.logits(points))
      rows.forEach((row, place) => {
        if (uniform() < 0.5) return
        queries.accept(searches[row]!)
        best.data.set(data.subarray(place * size, (place + 1) * size), row * size)
      })
    }
  })

  test('discard the cache when a point without a window is accepted', async () => {
    const [first, second] = [randomImages(1), randomImages(2)]
    const search = newSearch()
    const other = float32([1, 3, 32, 32], second.data.slice(0, size))
    // The windows change nothing: only the accepted activations around them matter.
    for (const point of [first, other, first]) {
      search.window = undefined
      await queries.logits(point, [search])
      queries.accept(search)
      search.window = { top: 9, left: 9, side: 3 }
      for (let turn = 0; turn < 3; turn++) {
        expectClose(await queries.logits(point, [search]), await model.logits(point))
        queries.accept(search)
      }
    }
  })

  test('count as one forward pass per point', async () => {
    const before = { ...model.passes }
    await queries.logits(randomImages(3), [newSearch(), newSearch(), newSearch()])
    expect(model.passes).toEqual({ ...before, forward: before.forward + 3 })
  })

  test('are unavailable where they save too little', async () => {
    expect(await model[incrementalPasses](new Map([[24, 1]]))).toBeUndefined()
  })

  test.each([
    [
      { top: 30, left: 0, side: 3 },
      'window queries: expected a window inside the image of 32 × 32, ' +
        'got one of side 3 at row 30, column 0',
    ],
    [{ top: 0, left: 0.5, side: 3 }, 'got one of side 3 at row 0, column 0.5'],
    [{ top: 0, left: 0, side: 0 }, 'got one of side 0 at row 0, column 0'],
  ])('reject the window %o', async (window, message) => {
    await expect(queries.logits(randomImages(1), [{ window }])).rejects.toThrow(message)
  })

  test('reject a batch with a missing search', async () => {
    await expect(queries.logits(randomImages(2), [])).rejects.toThrow(
      'window queries: expected one search for each of 2 points, got 0',
    )
  })
})
