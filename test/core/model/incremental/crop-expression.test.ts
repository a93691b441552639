/** Regions of a cut computed from crops equal those computed from whole images. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import {
  cropExpression,
  fillMask,
  type PaddingMask,
} from '../../../../core/model/incremental/crop-expression.ts'
import {
  findReceptiveFields,
  firstPixel,
} from '../../../../core/model/incremental/receptive-field.ts'
import { randomTensor } from '../../../support/onnx-file.ts'
import { images, layers, size } from './local-layers.ts'

function maskOf({ value, axes }: PaddingMask, first: readonly [number, number]): FloatTensor {
  const [, , rows, columns] = value.shape as number[]
  const mask = new Float32Array(rows! * columns!)
  fillMask(axes, first, mask)
  return float32([1, 1, rows!, columns!], mask)
}

/** The largest difference between regions from crops, at all origins, and the whole value. */
async function largestDifference(
  value: Value,
  x: Value,
  positions: readonly [number, number],
): Promise<number> {
  const receptiveField = findReceptiveFields(value, x).get(value)!
  const pixels = randomTensor([1, 3, size, size], 'pixels')
  const whole = await Session.compile({ value }, [x])
  const expected = (await whole.run({ inputs: pixels }))['value']!
  const { crop, masks, positions: found } = cropExpression({ value, receptiveField }, x, positions)
  const inputs = [crop, ...masks.map((mask) => mask.value)]
  const session = await Session.compile({ found }, inputs)
  const [channels, height, width] = value.shape.slice(1) as number[]
  const [rows, columns] = crop.shape.slice(2) as [number, number]
  const inside = (at: number): number => Math.max(0, Math.min(size - 1, at))
  let worst = 0
  for (let top = 0; top <= height! - positions[0]; top++) {
    for (let left = 0; left <= width! - positions[1]; left++) {
      const [y0, x0] = [firstPixel(receptiveField[0], top), firstPixel(receptiveField[1], left)]
      const data = new Float32Array(3 * rows * columns)
      data.forEach((_, i) => {
        const [c, r, q] = [
          Math.floor(i / rows / columns),
          Math.floor(i / columns) % rows,
          i % columns,
        ]
        data[i] = Number(pixels.data[(c * size + inside(y0 + r)) * size + inside(x0 + q)])
      })
      const outputs = await session.run({
        crop: float32([1, 3, rows, columns], data),
        ...Object.fromEntries(
          masks.map((mask) => [mask.value.node.name, maskOf(mask, [top, left])]),
        ),
      })
      outputs['found']!.data.forEach((actual, i) => {
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

describe('a region computed from a crop equals that of the whole image', () => {
  test.each(Object.entries(layers))('%s', async (_, layer) => {
    const x = images()
    const first = layers['conv 3']!(g.div(g.sub(x, 0.4), 0.2), 1)
    const value = layer(first, 2)
    expect(await largestDifference(value, x, [2, 3])).toBeLessThan(1e-5)
  })

  test('stacks of layers', async () => {
    const names = fc.array(fc.constantFrom(...Object.keys(layers)), { minLength: 2, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(names, async (chosen) => {
        const x = images()
        const value = chosen.reduce((y, name, i) => layers[name]!(y, 7 * i + 1), x)
        const positions = value.shape.slice(2).map((length) => Math.min(2, Number(length)))
        const scale = 10 ** chosen.length
        expect(await largestDifference(value, x, positions as [number, number])).toBeLessThan(
          1e-6 * scale,
        )
      }),
      { numRuns: 25 },
    )
  })
})
