/** JPEG in the graph against the definition, in float64. */
import { describe, expect, test } from 'vitest'
import { float32, sizeOf, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { jpeg } from '../../../../plugins/defenses/jpeg/jpeg.ts'
import { mirrorFile, prepareDefense, runFile } from '../../../support/defense-context.ts'
import { randomStream } from '../../../../core/base/random.ts'

type Shape = readonly [number, number, number]

/** The tables of ITU-T T.81, annex K, at quality 50, here from the standard itself. */
const luminance =
  '16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 ' +
  '62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 ' +
  '112 100 103 99'
const chrominance =
  '17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 ' +
  `99 ${'99 '.repeat(32).trim()}`

function stepsAt(table: string, quality: number): number[] {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality
  return table
    .split(' ')
    .map((step) => Math.min(255, Math.max(1, Math.floor((Number(step) * percent + 50) / 100))))
}

/** F(u, v) and f(i, j) by the double sums of ITU-T T.81, A.3.3. */
const factor = (k: number): number => (k === 0 ? Math.SQRT1_2 : 1)
const wave = (k: number, i: number): number => Math.cos(((2 * i + 1) * k * Math.PI) / 16)

interface Coded {
  readonly data: Float64Array
  /** The smallest distance of a quotient to a tie of rounding. */
  readonly margin: number
}

function codeBlock(block: readonly number[], steps: readonly number[]): Coded {
  let margin = 1
  const kept = steps.map((step, place) => {
    const [u, v] = [Math.floor(place / 8), place % 8]
    let sum = 0
    block.forEach((value, at) => {
      sum += value * wave(u, Math.floor(at / 8)) * wave(v, at % 8)
    })
    const quotient = (0.25 * factor(u) * factor(v) * sum) / step
    margin = Math.min(margin, Math.abs(Math.abs(quotient - Math.round(quotient)) - 0.5))
    return Math.round(quotient) * step
  })
  const data = Float64Array.from(block, (_, at) => {
    let sum = 0
    kept.forEach((value, place) => {
      const [u, v] = [Math.floor(place / 8), place % 8]
      sum += factor(u) * factor(v) * value * wave(u, Math.floor(at / 8)) * wave(v, at % 8)
    })
    return sum / 4
  })
  return { data, margin }
}

/** A plane whose margins mirror up to a multiple of 8. */
function codePlane(
  plane: Float64Array,
  [height, width]: readonly [number, number],
  steps: readonly number[],
): Coded {
  const output = new Float64Array(plane.length)
  let margin = 1
  const mirror = (at: number, size: number): number => (at < size ? at : 2 * size - 1 - at)
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      const block = Array.from({ length: 64 }, (_, at) => {
        const row = mirror(top + Math.floor(at / 8), height)
        return plane[row * width + mirror(left + (at % 8), width)]!
      })
      const coded = codeBlock(block, steps)
      margin = Math.min(margin, coded.margin)
      coded.data.forEach((value, at) => {
        const [row, column] = [top + Math.floor(at / 8), left + (at % 8)]
        if (row < height && column < width) output[row * width + column] = value
      })
    }
  }
  return { data: output, margin }
}

/** The decoded image, clipped to [0, 1]. */
function byDefinition(pixels: Float32Array, shape: Shape, quality: number): Coded {
  const [channels, height, width] = shape
  const size = height * width
  const plane = (value: (at: number) => number): Float64Array =>
    Float64Array.from({ length: size }, (_, at) => value(at))
  const of = (c: number, at: number): number => 255 * pixels[c * size + at]!
  const output = new Float64Array(channels * size)
  const clipped = (value: number): number => Math.min(1, Math.max(0, value / 255))
  if (channels !== 3) {
    const coded = codePlane(
      plane((at) => of(0, at) - 128),
      [height, width],
      stepsAt(luminance, quality),
    )
    coded.data.forEach((value, at) => (output[at] = clipped(value + 128)))
    return { data: output, margin: coded.margin }
  }
  // The weights of JFIF (ITU-T T.871), to 6 digits.
  const planes = [
    plane((at) => 0.299 * of(0, at) + 0.587 * of(1, at) + 0.114 * of(2, at) - 128),
    plane((at) => -0.168736 * of(0, at) - 0.331264 * of(1, at) + 0.5 * of(2, at)),
    plane((at) => 0.5 * of(0, at) - 0.418688 * of(1, at) - 0.081312 * of(2, at)),
  ].map((values, c) =>
    codePlane(values, [height, width], stepsAt(c === 0 ? luminance : chrominance, quality)),
  )
  const [y, cb, cr] = planes.map(({ data }) => data) as [Float64Array, Float64Array, Float64Array]
  for (let at = 0; at < size; at++) {
    output[at] = clipped(y[at]! + 128 + 1.402 * cr[at]!)
    output[size + at] = clipped(y[at]! + 128 - 0.344136 * cb[at]! - 0.714136 * cr[at]!)
    output[2 * size + at] = clipped(y[at]! + 128 + 1.772 * cb[at]!)
  }
  return { data: output, margin: Math.min(...planes.map(({ margin }) => margin)) }
}

/** A smooth wave with noise, so that some coefficients survive and others vanish. */
function picture(shape: Shape): FloatTensor {
  const [, height, width] = shape
  const random = randomStream('jpeg picture', ...shape)
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, at) => {
    const [c, y, x] = [
      Math.floor(at / (height * width)),
      Math.floor(at / width) % height,
      at % width,
    ]
    return 0.5 + 0.35 * Math.sin(0.4 * x + 0.7 * y + c) + 0.1 * (random.uniform() - 0.5)
  })
  return float32([1, ...shape], data)
}

describe.each([
  { shape: [3, 16, 8], quality: 75 },
  { shape: [3, 8, 8], quality: 10 },
  { shape: [1, 12, 20], quality: 50 },
] as const)('quality $quality of $shape', ({ shape, quality }) => {
  test('is that of the definition, in onnxruntime', async () => {
    const { model } = await prepareDefense(
      jpeg,
      { base: 'base.onnx', quality },
      { shape, base: mirrorFile(shape) },
    )
    const images = picture(shape)
    const { data, margin } = byDefinition(images.data, shape, quality)
    // No quotient is so near a tie that float32, whose error here is about 1e-5, could decide.
    expect(margin).toBeGreaterThan(1e-4)
    expect((await runFile(model, images)).data).toBeAllclose(data, { rtol: 0, atol: 2e-6 })
    const change = Math.max(...images.data.map((value, i) => Math.abs(value - data[i]!)))
    expect(change).toBeGreaterThan(0.01)
  })
})

test('it declares the identity, or what the options say', async () => {
  const shape = [1, 8, 8] as const
  for (const backward of ['identity', 'constant', 'exact'] as const) {
    const { model, manifest } = await prepareDefense(
      jpeg,
      { base: 'base.onnx', backward },
      { shape, base: mirrorFile(shape) },
    )
    const loaded = await loadModel(model, manifest)
    expect(loaded.components).toEqual([{ name: 'input-transformation', backward }])
    await loaded.dispose()
  }
})
