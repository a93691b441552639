/** Packed data sets: the same fields, hash, and pixels on another machine. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dump } from 'npyjs'
import { expect, test } from 'vitest'
import { hashBytes } from '../../../core/base/hash.ts'
import type { Dataset } from '../../../core/data/dataset.ts'
import { loadDataset } from '../../../core/data/load.ts'
import { packDataset, unpackDataset } from '../../../core/data/packed.ts'
import { temporaryFolder } from '../../e2e/support/cli.ts'

function expectSame(unpacked: Dataset, original: Dataset): void {
  const { rows: _rows, ...fields } = original
  for (const [key, value] of Object.entries(fields)) {
    expect([key, Reflect.get(unpacked, key)]).toEqual([key, value])
  }
  const all = Int32Array.from({ length: original.count }, (_, i) => i)
  expect(hashBytes(new Uint8Array(unpacked.rows(all).data.buffer))).toBe(
    hashBytes(new Uint8Array(original.rows(all).data.buffer)),
  )
}

test('8-bit pixels stay 8-bit, and all fields are kept', async () => {
  const folder = temporaryFolder()
  const values = Uint8Array.from({ length: 512 * 4 }, (_, i) => i)
  writeFileSync(join(folder, 'x.npy'), new Uint8Array(dump(values, [512, 1, 2, 2])))
  writeFileSync(join(folder, 'y.npy'), new Uint8Array(dump(new Uint8Array(512).fill(1), [512])))
  const reference = { inputs: join(folder, 'x.npy'), labels: join(folder, 'y.npy') }
  const dataset = await loadDataset(reference, { split: 'test' })
  const bytes = packDataset(dataset)
  // One byte per pixel, four per label, and the header.
  expect(bytes.length - (512 * 4 + 512 * 4)).toBeLessThan(600)
  expectSame(unpackDataset(bytes, 'a'), dataset)
})

test('float pixels are kept bit by bit, negative zero included', async () => {
  const folder = temporaryFolder()
  const values = Float32Array.of(-0, 0.1, 1 / 3, 1, 0.5, Math.fround(1 / 255), 0, 1e-30)
  writeFileSync(join(folder, 'x.npy'), new Uint8Array(dump(values, [2, 1, 2, 2])))
  writeFileSync(join(folder, 'y.npy'), new Uint8Array(dump(Uint8Array.of(0, 1), [2])))
  const reference = { inputs: join(folder, 'x.npy'), labels: join(folder, 'y.npy') }
  const dataset = await loadDataset(reference, { split: 'test' })
  const unpacked = unpackDataset(packDataset(dataset), 'a')
  expectSame(unpacked, dataset)
  expect(Object.is(unpacked.rows([0]).data[0], -0)).toBe(true)
  expect(() => unpacked.rows([2])).toThrow('npy: row 2 of a data set of 2')
})

test.each([
  ['nothing', new Uint8Array(0)],
  ['text', new TextEncoder().encode('not a data set at all')],
  ['a long header', Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0, 1)],
])('%s is refused', (_name, bytes) => {
  expect(() => unpackDataset(bytes, 'file')).toThrow('file: is not a packed data set of this')
})
