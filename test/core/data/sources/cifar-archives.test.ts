import { PNG } from 'pngjs'
import { expect, test } from 'vitest'
import { decodeSheet } from '../../../../core/data/sources/cifar-archives.ts'
import { errorOf } from '../fixtures.ts'

function sheet(width: number, height: number): Buffer {
  const png = new PNG({ width, height })
  for (let i = 0; i < width * height; i++) {
    png.data.set([i % 256, (i * 3) % 256, (i * 7) % 256, 255], i * 4)
  }
  return PNG.sync.write(png, { colorType: 2 })
}

test('each row of a sheet is decoded into one image of three planes', () => {
  const pixels = decodeSheet('SHEET', sheet(1024, 2))
  expect(pixels.length).toBe(2 * 3072)
  const pixel = 1024 + 700
  expect([0, 1, 2].map((channel) => pixels[3072 + channel * 1024 + 700])).toEqual([
    pixel % 256,
    (pixel * 3) % 256,
    (pixel * 7) % 256,
  ])
})

test('a sheet of the wrong width is rejected', async () => {
  expect(await errorOf(() => decodeSheet('SHEET', sheet(32, 32)))).toMatchInlineSnapshot(
    `"ROBENCH_DATA: SHEET: expected a sheet 1024 pixels wide, one image per row, of at most 10000 rows, got 32 × 32"`,
  )
})

test('a file that is not a PNG is rejected', async () => {
  expect(await errorOf(() => decodeSheet('SHEET', Buffer.from('text')))).toMatchInlineSnapshot(
    `"ROBENCH_DATA: SHEET: cannot be read as PNG (it has no head)"`,
  )
})
