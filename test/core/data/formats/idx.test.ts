import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeIdxPair, parseIdx } from '../../../../core/data/formats/idx.ts'
import { idxFile, named, errorOf } from '../fixtures.ts'

test('parsing returns shape and bytes', () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(shapes, (shape) => {
      const size = shape.reduce((product, length) => product * length, 1)
      const data = Uint8Array.from({ length: size }, (_, i) => (i * 37) % 256)
      const parsed = parseIdx(named(idxFile(shape, data)), shape.length)
      expect(parsed.shape).toEqual(shape)
      expect(Uint8Array.from(parsed.data)).toEqual(data)
    }),
  )
})

test('a pair is decoded into pixels and labels', () => {
  const images = new Uint8Array(2 * 784)
  images[784] = 200
  const pair = [named(idxFile([2, 28, 28], images)), named(idxFile([2], [3, 9]))]
  const { pixels, labels } = decodeIdxPair(pair)
  expect(labels).toEqual(Int32Array.of(3, 9))
  expect([pixels.length, pixels[784]]).toEqual([2 * 784, 200])
})

describe('rejects', () => {
  const images = named(idxFile([2, 28, 28], new Uint8Array(2 * 784)), 'IMAGES')
  const labels = named(idxFile([2], [0, 1]), 'LABELS')

  test('a wrong magic number', async () => {
    expect(await errorOf(() => decodeIdxPair([labels, images]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: LABELS: expected an IDX file of 3 axes of unsigned bytes (magic number 0x00000803), got 0x00000801"`,
    )
  })

  test('an empty file', async () => {
    expect(await errorOf(() => parseIdx(named(new Uint8Array(0)), 1))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: expected an IDX file of 1 axes of unsigned bytes (magic number 0x00000801), got 0 bytes"`,
    )
  })

  test('a truncated file', async () => {
    const cut = named(images.bytes.subarray(0, 1000), 'IMAGES')
    expect(await errorOf(() => decodeIdxPair([cut, labels]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: IMAGES: its header says [2, 28, 28], that is 1584 bytes, got 1000; the file is truncated or damaged"`,
    )
  })

  test('images of the wrong size', async () => {
    const small = named(idxFile([2, 8, 8], new Uint8Array(128)), 'IMAGES')
    expect(await errorOf(() => decodeIdxPair([small, labels]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: IMAGES: expected images of 28 × 28 pixels, got 8 × 8"`,
    )
  })

  test('unequal counts', async () => {
    const three = named(idxFile([3], [0, 1, 2]), 'LABELS')
    expect(await errorOf(() => decodeIdxPair([images, three]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: LABELS: 3 labels for the 2 images of IMAGES; both files must be of the same split"`,
    )
  })

  test('a label above 9', async () => {
    const wrong = named(idxFile([2], [0, 10]), 'LABELS')
    expect(await errorOf(() => decodeIdxPair([images, wrong]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: LABELS: label 1: expected 0 to 9, got 10"`,
    )
  })
})
