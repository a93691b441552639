/** Positions computed from a crop are those of the whole image, and cuts are found where they save work. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { findReceptiveFields } from '../../../../core/model/incremental/receptive-field.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import {
  chooseCut,
  cropExpression,
  fillMask,
  firstPixel,
  firstPosition,
  type InsideMask,
} from '../../../../core/model/incremental/split-network.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const size = 17
const images = (): Value => g.input('inputs', 'float32', ['n', 3, size, size])

/** A layer on top of a value, by its name. */
type Layer = (x: Value, seed: number) => Value

const weight = (shape: readonly number[], seed: number): Value =>
  g.constant(randomTensor(shape, `weight ${seed}`))
const channelsOf = (x: Value): number => x.shape[1] as number
const conv = (out: number, kernel: number, options: Parameters<typeof g.conv>[3]): Layer => {
  return (x, seed) =>
    g.relu(
      g.conv(x, weight([out, channelsOf(x), kernel, kernel], seed), weight([out], -seed), options),
    )
}
const layers: Readonly<Record<string, Layer>> = {
  'conv 3': conv(16, 3, { pads: [1, 1, 1, 1] }),
  'conv 3 of few channels': conv(5, 3, { pads: [1, 1, 1, 1] }),
  'conv 3 stride 2': conv(16, 3, { pads: [1, 1, 1, 1], strides: [2, 2] }),
  'conv 2 × 5 with uneven pads': (x, seed) =>
    g.conv(x, weight([16, channelsOf(x), 2, 5], seed), null, {
      pads: [1, 2, 0, 1],
      strides: [1, 2],
    }),
  'conv 3 dilation 2': conv(16, 3, { pads: [2, 2, 2, 2], dilations: [2, 2] }),
  'conv 1': conv(16, 1, {}),
  'max pool with pads': (x) =>
    g.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })[0]!,
  'average pool': (x) => g.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] })[0]!,
  'batch normalization': (x, seed) => {
    const channels = channelsOf(x)
    const [scale, bias, mean] = [1, 2, 3].map((i) => weight([channels], seed + 100 * i))
    const variance = g.floats(
      [channels],
      Array.from({ length: channels }, () => 0.5),
    )
    return g.op('BatchNormalization', [x, scale!, bias!, mean!, variance])[0]!
  },
  'residual block': (x, seed) => {
    const same = (y: Value, turn: number): Value =>
      g.conv(y, weight([channelsOf(x), channelsOf(x), 3, 3], seed + turn), null, {
        pads: [1, 1, 1, 1],
      })
    return g.relu(g.add(same(g.relu(same(x, 10)), 20), x))
  },
  sigmoid: (x) => g.sigmoid(x),
}

function maskOf({ value, axes }: InsideMask, first: readonly [number, number]): FloatTensor {
  const [, , rows, columns] = value.shape as number[]
  const mask = new Float32Array(rows! * columns!)
  fillMask(axes, first, mask)
  return float32([1, 1, rows!, columns!], mask)
}

/** Positions of a cut at every place they can have, beside the whole value. */
async function compare(
  value: Value,
  x: Value,
  positions: readonly [number, number],
): Promise<number> {
  const reach = findReceptiveFields(value, x).get(value)!
  const pixels = randomTensor([1, 3, size, size], 'pixels')
  const whole = await Session.compile({ value }, [x])
  const expected = (await whole.run({ inputs: pixels }))['value']!
  const { crop, masks, positions: found } = cropExpression({ value, reach }, x, positions)
  const inputs = [crop, ...masks.map((mask) => mask.value)]
  const session = await Session.compile({ found }, inputs)
  const [channels, height, width] = value.shape.slice(1) as number[]
  const [rows, columns] = crop.shape.slice(2) as [number, number]
  const inside = (at: number): number => Math.max(0, Math.min(size - 1, at))
  let worst = 0
  for (let top = 0; top <= height! - positions[0]; top++) {
    for (let left = 0; left <= width! - positions[1]; left++) {
      const [y0, x0] = [firstPixel(reach[0], top), firstPixel(reach[1], left)]
      const data = new Float32Array(3 * rows * columns)
      data.forEach((_, i) => {
        const [c, r, q] = [
          Math.floor(i / rows / columns),
          Math.floor(i / columns) % rows,
          i % columns,
        ]
        data[i] = Number(pixels.data[(c * size + inside(y0 + r)) * size + inside(x0 + q)])
      })
      const answer = await session.run({
        crop: float32([1, 3, rows, columns], data),
        ...Object.fromEntries(
          masks.map((mask) => [mask.value.node.name, maskOf(mask, [top, left])]),
        ),
      })
      answer['found']!.data.forEach((actual, i) => {
        const c = i % channels!
        const q = Math.floor(i / channels!) % positions[1]
        const r = Math.floor(i / channels! / positions[1])
        const at = (c * height! + top + r) * width! + left + q
        worst = Math.max(worst, Math.abs(Number(actual) - Number(expected.data[at])))
      })
    }
  }
  await whole.release()
  await session.release()
  return worst
}

describe('positions from a crop', () => {
  test.each(Object.entries(layers))('%s', async (_, layer) => {
    const x = images()
    const first = layers['conv 3']!(g.div(g.sub(x, 0.4), 0.2), 1)
    const value = layer(first, 2)
    expect(await compare(value, x, [2, 3])).toBeLessThan(1e-5)
  })

  test('stacks of layers', async () => {
    const names = fc.array(fc.constantFrom(...Object.keys(layers)), { minLength: 2, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(names, async (chosen) => {
        const x = images()
        const value = chosen.reduce((y, name, i) => layers[name]!(y, 7 * i + 1), x)
        const positions = value.shape.slice(2).map((length) => Math.min(2, Number(length)))
        const scale = 10 ** chosen.length
        expect(await compare(value, x, positions as [number, number])).toBeLessThan(1e-6 * scale)
      }),
      { numRuns: 25 },
    )
  })
})

describe('a window', () => {
  test('reaches what lies between its first and its last position', async () => {
    const x = images()
    const value = layers['residual block']!(layers['conv 3 stride 2']!(x, 1), 2)
    const reach = findReceptiveFields(value, x).get(value)!
    const session = await Session.compile({ value }, [x])
    const before = randomTensor([1, 3, size, size], 'before')
    const known = (await session.run({ inputs: before }))['value']!
    const [channels, height, width] = value.shape.slice(1) as [number, number, number]
    const stream = randomStream(1, 'windows')
    for (let trial = 0; trial < 20; trial++) {
      const side = 1 + stream.integer(4)
      const [top, left] = [stream.integer(size - side + 1), stream.integer(size - side + 1)]
      const data = Float32Array.from(before.data, (pixel, i) => {
        const [row, column] = [Math.floor(i / size) % size, i % size]
        const isIn = row >= top && row < top + side && column >= left && column < left + side
        return isIn ? 1 - pixel : pixel
      })
      const changed = (await session.run({ inputs: float32([1, 3, size, size], data) }))['value']!
      const count = Math.floor((side - 1 + reach[0].high - reach[0].low) / reach[0].stride) + 1
      const [firstRow, firstColumn] = [
        firstPosition(reach[0], top, Math.min(count, height)),
        firstPosition(reach[1], left, Math.min(count, width)),
      ]
      for (let i = 0; i < channels * height * width; i++) {
        const [row, column] = [Math.floor(i / width) % height, i % width]
        const reached =
          row >= firstRow &&
          row < firstRow + count &&
          column >= firstColumn &&
          column < firstColumn + count
        if (!reached) expect(changed.data[i]).toBe(known.data[i])
      }
    }
  })
})

describe('the cut', () => {
  const classify = (features: Value): Value =>
    g.matMul(
      g.op('Flatten', [g.globalAveragePool(features)])[0]!,
      weight([channelsOf(features), 10], 99),
    )

  test('lies where the graph narrows to one value, before what is not local', () => {
    const x = images()
    const block = layers['residual block']!(layers['conv 3']!(x, 1), 2)
    const logits = classify(layers['conv 3 stride 2']!(block, 3))
    const cut = chooseCut(logits, x, new Map([[1, 10]]))
    expect(cut?.value).toBe(block)
    expect(cut?.regions.get(1)).toEqual([7, 7])
  })

  test('is not made where another output of its operator is used, too', () => {
    const x = images()
    const first = layers['conv 3']!(layers['conv 3']!(x, 1), 2)
    const pool = { kernel_shape: [2, 2], strides: [2, 2] }
    const [values, places] = g.op('MaxPool', [first], pool)
    const both = g.concat([values!, g.cast(places!, 'float32')], 1)
    const cut = chooseCut(classify(layers['conv 3']!(both, 3)), x, new Map([[1, 10]]))
    expect(cut?.value).toBe(first)
  })

  test('is not made where windows save too little', () => {
    const x = images()
    const logits = classify(layers['residual block']!(layers['conv 3']!(x, 1), 2))
    expect(chooseCut(logits, x, new Map([[15, 10]]))).toBeUndefined()
  })

  test('is not made where the first layer sees the whole image', () => {
    const x = images()
    const centered = g.sub(x, g.reduceMean(x, [2, 3], true))
    const logits = classify(layers['residual block']!(layers['conv 3']!(centered, 1), 2))
    expect(chooseCut(logits, x, new Map([[1, 10]]))).toBeUndefined()
  })
})
