/** Changes of pixels affect no positions outside of the receptive field's bounds. */
import { describe, expect, test } from 'vitest'
import { randomStream } from '../../../../core/base/random.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import {
  affectedPositions,
  findReceptiveFields,
  firstPosition,
} from '../../../../core/model/incremental/receptive-field.ts'
import { randomTensor } from '../../../support/onnx-file.ts'
import { images, layers, size } from './local-layers.ts'

describe('a window', () => {
  test('affects only positions between the first and the last one', async () => {
    const x = images()
    const value = layers['residual block']!(layers['conv 3 stride 2']!(x, 1), 2)
    const field = findReceptiveFields(value, x).get(value)!
    const session = await Session.compile({ value }, [x])
    const before = randomTensor([1, 3, size, size], 'before')
    const unchanged = (await session.run({ inputs: before }))['value']!
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
      const [rows, columns] = [affectedPositions(field[0], side), affectedPositions(field[1], side)]
      const [firstRow, firstColumn] = [
        firstPosition(field[0], top, rows),
        firstPosition(field[1], left, columns),
      ]
      for (let i = 0; i < channels * height * width; i++) {
        const [row, column] = [Math.floor(i / width) % height, i % width]
        const isAffected =
          row >= firstRow &&
          row < firstRow + rows &&
          column >= firstColumn &&
          column < firstColumn + columns
        if (!isAffected) expect(changed.data[i]).toBe(unchanged.data[i])
      }
    }
  })
})
