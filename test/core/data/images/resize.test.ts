/** Decoding and resizing give the bytes of Pillow 13 and torchvision 0.29. */
import { expect, test } from 'vitest'
import { hashBytes } from '../../../../core/base/hash.ts'
import { decodeImage } from '../../../../core/data/images/decode.ts'
import { fitPicture, resizePicture, withChannels } from '../../../../core/data/images/resize.ts'
import type { Picture } from '../../../../core/data/images/settings.ts'
import { errorOf, jpegSample } from '../fixtures.ts'

/** A picture with the values (7x + 13y + 29c + 5·(xy mod 11)) mod 256. */
function picture(width: number, height: number): Picture {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [pixel, c] = [Math.floor(i / 3), i % 3]
    const [x, y] = [pixel % width, Math.floor(pixel / width)]
    return (7 * x + 13 * y + 29 * c + 5 * ((x * y) % 11)) % 256
  })
  return { width, height, channels: 3, data }
}

const digest = ({ data }: Picture): string => hashBytes(data).slice(0, 16)

test('resizing equals Pillow, up and down, with both kernels', () => {
  const filters = ['bilinear', 'bicubic', 'bicubic', 'bilinear'] as const
  const sizes = [
    [40, 30, 17, 13],
    [13, 9, 32, 20],
    [40, 30, 17, 13],
    [9, 13, 20, 13],
  ] as const
  const digests = sizes.map(([width, height, newWidth, newHeight], i) =>
    digest(resizePicture(picture(width, height), newWidth, newHeight, filters[i]!)),
  )
  expect(digests).toEqual([
    '977e77be47a87cfb',
    'b81e8397034098d0',
    'd4d8c50c6b503dce',
    'a6b12324780b155e',
  ])
})

test('Resize and CenterCrop equal torchvision, and gray equals Pillow', () => {
  expect(digest(fitPicture(picture(41, 30), { resize: 18, crop: 15 }))).toBe('6aaa3d7e4db38b1b')
  expect(digest(fitPicture(picture(41, 30), { crop: 33 }))).toBe('b6672dcb164c5811')
  expect(digest(withChannels(picture(41, 30), 1))).toBe('f812eb2549c71e89')
})

test('a JPEG file decodes to the bytes of Pillow, which uses the same algorithms', async () => {
  const decoded = await decodeImage(Buffer.from(jpegSample, 'base64'), 'a.jpg')
  expect([decoded.width, decoded.height, digest(decoded)]).toEqual([11, 7, 'd3adce15138b1f87'])
})

test('damaged, foreign, and oversized images are refused before they are decoded', async () => {
  const bytes = Buffer.from(jpegSample, 'base64')
  const huge = Buffer.from(bytes)
  const frame = huge.indexOf(Buffer.of(0xff, 0xc0))
  huge.writeUInt16BE(65_000, frame + 5)
  huge.writeUInt16BE(65_000, frame + 7)
  expect(await errorOf(() => decodeImage(huge, 'a.jpg'))).toBe(
    'ROBENCH_DATA: a.jpg: expected 1 to 67108864 pixels, got 65000 × 65000',
  )
  expect(await errorOf(() => decodeImage(bytes.subarray(0, 100), 'a.jpg'))).toBe(
    'ROBENCH_DATA: a.jpg: cannot be decoded (no frame): truncated or damaged',
  )
  expect(await errorOf(() => decodeImage(Buffer.from('GIF89a'), 'a.gif'))).toBe(
    'ROBENCH_DATA: a.gif: expected a PNG or JPEG image',
  )
})
