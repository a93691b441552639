import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeCifarBinary, encodeCifarBinary } from '../../../../core/data/formats/cifar-binary.ts'
import { named, errorOf } from '../fixtures.ts'

test('a record is a label byte, then the red, green and blue planes', () => {
  const record = new Uint8Array(3073)
  record[0] = 6
  record[1] = 10
  record[1 + 1024] = 20
  record[1 + 2048 + 1023] = 30
  const { pixels, labels } = decodeCifarBinary([named(record)])
  expect(labels).toEqual(Int32Array.of(6))
  expect([pixels[0], pixels[1024], pixels[3071]]).toEqual([10, 20, 30])
})

test('decoding inverts encoding, over several batches', () => {
  const image = fc.uint8Array({ minLength: 3072, maxLength: 3072 })
  const batch = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), image), {
    minLength: 1,
    maxLength: 3,
  })
  fc.assert(
    fc.property(batch, batch, (first, second) => {
      const encode = (records: typeof first): Uint8Array =>
        encodeCifarBinary({
          labels: Int32Array.from(records, ([label]) => label),
          pixels: Uint8Array.from(records.flatMap(([, pixels]) => [...pixels])),
        })
      const decoded = decodeCifarBinary([named(encode(first)), named(encode(second))])
      const all = [...first, ...second]
      expect(decoded.labels).toEqual(Int32Array.from(all, ([label]) => label))
      all.forEach(([, pixels], i) => {
        expect(Buffer.compare(decoded.pixels.subarray(i * 3072, (i + 1) * 3072), pixels)).toBe(0)
      })
    }),
    { numRuns: 20 },
  )
})

test('a truncated batch is rejected', async () => {
  expect(
    await errorOf(() => decodeCifarBinary([named(new Uint8Array(5000))])),
  ).toMatchInlineSnapshot(
    `"ROBENCH_DATA: FILE: expected whole records of 3073 bytes, got 5000 bytes; the file is truncated or not a CIFAR-10 binary batch"`,
  )
})

test('the error for a label above 9 names its record', async () => {
  const bytes = new Uint8Array(2 * 3073)
  bytes[3073] = 11
  expect(await errorOf(() => decodeCifarBinary([named(bytes)]))).toMatchInlineSnapshot(
    `"ROBENCH_DATA: FILE: record 1: expected a label from 0 to 9, got 11; the file is not a CIFAR-10 binary batch"`,
  )
})
