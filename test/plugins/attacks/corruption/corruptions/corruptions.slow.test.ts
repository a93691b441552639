/** Properties of all corruptions, and values of some computed by hand. */
import { describe, expect, test } from 'vitest'
import { RandomStream, randomStream } from '../../../../../core/base/random.ts'
import {
  corrupt,
  severities,
} from '../../../../../plugins/attacks/corruption/corruptions/corruption-record.ts'
import type {
  Corruption,
  Severity,
} from '../../../../../plugins/attacks/corruption/corruptions/corruption-record.ts'
import type { Image } from '../../../../../plugins/attacks/corruption/corruptions/image.ts'
import { corruptions } from '../../../../../plugins/attacks/corruption/corruptions/corruption-table.ts'
import { constantPicture, embeddedPictures, randomPicture } from './pictures.ts'

const all = Object.values(corruptions)

function apply(corruption: Corruption, image: Image, severity: Severity, quantize = true): Image {
  const stream = randomStream('test', corruption.id, severity)
  return corrupt(corruption, image, { severity, stream, quantize })
}

function distance(a: Image, b: Image): number {
  return Math.hypot(...a.data.map((value, i) => value - b.data[i]!))
}

describe.each(all)('$id', (corruption) => {
  test.each([
    [3, 32, 32],
    [1, 28, 28],
    [3, 20, 33],
    [1, 17, 9],
    [3, 64, 64],
    [2, 5, 6],
    [1, 1, 12],
    [3, 1, 1],
  ] as const)('preserves shape, range, and 8 bits of %i × %i × %i', (channels, height, width) => {
    const image = randomPicture(channels, height, width)
    for (const severity of [1, 5] as const) {
      const { data, ...shape } = apply(corruption, image, severity)
      expect(shape).toEqual({ channels, height, width })
      expect(data).toHaveLength(image.data.length)
      const strays = data.filter((value) => !isByte(255 * value))
      expect(strays).toEqual(new Float64Array())
    }
  })

  test('is deterministic and does not modify its input', () => {
    const image = randomPicture(3, 16, 16)
    const before = image.data.slice()
    for (const severity of severities) {
      expect(apply(corruption, image, severity)).toEqual(apply(corruption, image, severity))
    }
    expect(image.data).toEqual(before)
  })

  test('changes the image, with and without quantization', () => {
    const image = randomPicture(3, 24, 24)
    expect(distance(apply(corruption, image, 3), image)).toBeGreaterThan(0.1)
    expect(distance(apply(corruption, image, 3, false), image)).toBeGreaterThan(0.1)
  })
})

test.each([
  'gaussian-noise',
  'shot-noise',
  'impulse-noise',
  'speckle-noise',
  'defocus-blur',
  'zoom-blur',
  'gaussian-blur',
  'snow',
  'fog',
  'brightness',
  'contrast',
  'pixelate',
  'jpeg-compression',
] as const)('%s moves images farther at each severity', (id) => {
  const images = embeddedPictures(12)
  const distances = severities.map((severity) =>
    images.reduce(
      (sum, image) => sum + distance(apply(corruptions[id], image, severity), image),
      0,
    ),
  )
  expect(distances).toEqual(distances.toSorted((a, b) => a - b))
  expect(new Set(distances).size).toBe(5)
})

test.each([
  'defocus-blur',
  'glass-blur',
  'motion-blur',
  'zoom-blur',
  'gaussian-blur',
  'contrast',
  'elastic-transform',
  'pixelate',
] as const)('%s does not change a constant image', (id) => {
  for (const byte of [0, 77, 128, 255]) {
    const image = constantPicture(byte / 255)
    for (const severity of severities) {
      expect(distance(apply(corruptions[id], image, severity), image)).toBeLessThan(1e-9)
    }
  }
})

test.each([
  // V = 0.8 + 0.1 scales all by 1.125.
  [2, [51, 102, 204], [57, 114, 229]],
  // V is clipped at 1, which scales all by 1.25.
  [5, [51, 102, 204], [63, 127, 255]],
  // Black becomes gray.
  [2, [0, 0, 0], [25, 25, 25]],
] as const)('brightness at severity %i maps %j to %j', (severity, color, expected) => {
  const image = { channels: 3, height: 1, width: 1, data: Float64Array.from(color, byte) }
  const { data } = apply(corruptions.brightness, image, severity)
  expect(Array.from(data, toByte)).toEqual(expected)
})

test('contrast shrinks the distance to the mean of each channel', () => {
  const data = Float64Array.of(0.2, 0.6, 0.5, 0.9)
  const image = { channels: 2, height: 1, width: 2, data }
  const { data: corrupted } = apply(corruptions.contrast, image, 1, false)
  ;[0.25, 0.55, 0.55, 0.85].forEach((value, i) => expect(corrupted[i]).toBeCloseTo(value, 12))
})

test('saturate tints gray pixels red (hue 0) and does not change a single channel', () => {
  const color = { channels: 3, height: 1, width: 1, data: Float64Array.of(0.4, 0.4, 0.4) }
  const tinted = apply(corruptions.saturate, color, 5, false).data
  ;[0.4, 0.32, 0.32].forEach((value, i) => expect(tinted[i]).toBeCloseTo(value, 12))
  const gray = randomPicture(1, 6, 6)
  expect(apply(corruptions.saturate, gray, 5).data).toEqual(gray.data)
})

test('a color image of grays is corrupted like its single channel', () => {
  const gray = randomPicture(1, 16, 16)
  const data = Float64Array.of(...gray.data, ...gray.data, ...gray.data)
  for (const id of ['motion-blur', 'snow', 'fog', 'brightness', 'contrast', 'pixelate'] as const) {
    const alone = apply(corruptions[id], gray, 4).data
    const colored = apply(corruptions[id], { ...gray, channels: 3, data }, 4).data
    expect(colored.subarray(0, 256)).toEqual(alone)
  }
})

test('without quantization, images are neither rounded before nor truncated after', () => {
  const image = { channels: 1, height: 1, width: 2, data: Float64Array.of(0.1234567, 0.7654321) }
  const { data } = apply(corruptions.brightness, image, 1, false)
  expect(data[0]).toBeCloseTo(0.1734567, 12)
  expect(data[1]).toBeCloseTo(0.8154321, 12)
})

test('a corruption draws from the given stream only', () => {
  const image = randomPicture(3, 12, 12)
  for (const corruption of all) {
    const random = [1, 2].map((seed) => {
      const stream = new RandomStream([seed, 0, 0, 0])
      return corrupt(corruption, image, { severity: 2, stream, quantize: true })
    })
    const drawn = new RandomStream([1, 0, 0, 0])
    corrupt(corruption, image, { severity: 2, stream: drawn, quantize: true })
    const untouched = drawn.bits() === new RandomStream([1, 0, 0, 0]).bits()
    expect(distance(random[0]!, random[1]!) === 0).toBe(untouched)
  }
})

function isByte(value: number): boolean {
  return value >= 0 && value <= 255 && Math.abs(value - Math.round(value)) < 1e-9
}

function byte(value: number): number {
  return value / 255
}

function toByte(value: number): number {
  return Math.round(255 * value)
}
