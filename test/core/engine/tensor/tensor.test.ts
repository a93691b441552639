/** Tensors: lengths are checked, rows are gathered by copy and sliced by view. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  float32,
  gatherRows,
  int32,
  int64,
  sizeOf,
  sliceRows,
  tensor,
} from '../../../../core/engine/tensor/tensor.ts'

test('a wrong number of elements is rejected', () => {
  expect(() => tensor('float32', [2, 3], new Float32Array(5))).toThrowErrorMatchingInlineSnapshot(
    `[GraphError: tensor: shape [2, 3] holds 6 elements, got 5]`,
  )
})

test('a scalar has no axes and one element', () => {
  expect(sizeOf([])).toBe(1)
  expect(float32([], [4]).data).toEqual(Float32Array.of(4))
})

test('a Float32Array is not copied, an array of numbers is', () => {
  const data = new Float32Array(2)
  expect(float32([2], data).data).toBe(data)
  expect(int32([2], [1, 2]).data).toEqual(Int32Array.of(1, 2))
})

test('int64 clamps integers to its range', () => {
  expect([...int64([4], [0, -1, 2 ** 63, -(2 ** 64)]).data]).toEqual([
    0n,
    -1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
  ])
})

test('gathered rows are copies in the order of the indices', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat(5), { maxLength: 8 }),
      (width, raw) => {
        const source = float32(
          [6, width],
          Float32Array.from({ length: 6 * width }, (_, i) => i),
        )
        const rows = gatherRows(source, raw)
        expect(rows.shape).toEqual([raw.length, width])
        raw.forEach((row, i) => {
          expect(rows.data.slice(i * width, (i + 1) * width)).toEqual(
            source.data.slice(row * width, (row + 1) * width),
          )
        })
        expect(rows.data.buffer).not.toBe(source.data.buffer)
      },
    ),
  )
})

test('sliced rows are a view', () => {
  const source = float32([3, 2], [0, 1, 2, 3, 4, 5])
  const rows = sliceRows(source, 1, 3)
  expect(rows.shape).toEqual([2, 2])
  rows.data[0] = 9
  expect(source.data[2]).toBe(9)
})
