import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryDataset } from '../../../core/data/memory-dataset.ts'
import type { DatasetParts } from '../../../core/data/memory-dataset.ts'

const parts: DatasetParts = {
  id: 'example',
  title: 'Example',
  split: 'test',
  toy: false,
  shape: [1, 1, 2],
  classNames: ['a', 'b'],
  pixels: Uint8Array.of(0, 51, 102, 255, 1, 2),
  labels: Int32Array.of(0, 1, 1),
}

test('rows are returned in the requested order, with repetitions', () => {
  const { shape, data } = memoryDataset(parts).rows([2, 0, 2])
  expect(shape).toEqual([3, 1, 1, 2])
  expect(data).toEqual(Float32Array.of(1 / 255, 2 / 255, 0, 51 / 255, 1 / 255, 2 / 255))
})

test('8-bit pixels are converted to the float32 nearest to value / 255', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 60 }), (bytes) => {
      const pixels = bytes.subarray(0, bytes.length - (bytes.length % 2))
      const labels = new Int32Array(pixels.length / 2)
      const { data } = memoryDataset({ ...parts, pixels, labels }).rows(Array.from(labels.keys()))
      expect(data).toEqual(Float32Array.from(pixels, (value) => value / 255))
    }),
  )
})

test('float pixels are returned unchanged', () => {
  const pixels = Float32Array.of(0, 0.1, 0.2, 0.3, 0.4, 1)
  expect(memoryDataset({ ...parts, pixels }).rows([1]).data).toEqual(Float32Array.of(0.2, 0.3))
})

test('a row index out of range is rejected', () => {
  expect(() => memoryDataset(parts).rows([3])).toThrowErrorMatchingInlineSnapshot(
    `[RangeError: example: row 3 of a data set of 3]`,
  )
})

test('the hash depends on pixels, labels, shape, and type, and on nothing else', () => {
  const { hash } = memoryDataset(parts)
  const floats = Float32Array.from(parts.pixels)
  const others: Partial<DatasetParts>[] = [
    { pixels: Uint8Array.of(0, 51, 102, 255, 1, 3) },
    { labels: Int32Array.of(0, 1, 0) },
    { shape: [2, 1, 1] },
    { pixels: floats },
  ]
  const hashes = others.map((other) => memoryDataset({ ...parts, ...other }).hash)
  expect(new Set([hash, ...hashes]).size).toBe(5)
  expect(memoryDataset({ ...parts, id: 'renamed', title: 'Renamed', split: 'train' }).hash).toBe(
    hash,
  )
  expect(hash).toMatchInlineSnapshot(
    `"2154c90dfb41bccdc618e3daa3566f40b33ba5ff6787427d49df5e6d6ec2e1a5"`,
  )
})
