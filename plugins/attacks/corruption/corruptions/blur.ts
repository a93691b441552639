/** Blur: defocus, glass, motion, zoom, and the plain Gaussian. */
import type { RandomStream } from '../../../../core/api/plugin.ts'
import { between, defineCorruption } from './corruption-record.ts'
import { correlate, gaussianWeights, normalized, smooth } from './filters.ts'
import type { Kernel } from './filters.ts'
import { cutToByte, mapValues } from './image.ts'
import type { Image } from './image.ts'
import { smear } from './motion-blur.ts'
import { magnify } from './resample.ts'

/** Spreads each pixel over a disk with a soft edge. */
export const defocusBlur = defineCorruption({
  id: 'defocus-blur',
  family: 'blur',
  constants: [
    { radius: 0.3, softening: 0.4 },
    { radius: 0.4, softening: 0.5 },
    { radius: 0.5, softening: 0.6 },
    { radius: 1, softening: 0.2 },
    { radius: 1.5, softening: 0.1 },
  ],
  apply: (image, { radius, softening }) =>
    correlate(image, diskKernel(radius, softening), 'mirror'),
})

/**
 * A disk of weight 1, blurred with a 3 × 3 Gaussian. A pixel belongs to the disk if its center is
 * within the radius.
 */
function diskKernel(radius: number, softening: number): Kernel {
  const reach = Math.floor(radius) + 1
  const side = 2 * reach + 1
  const inside = Float64Array.from({ length: side * side }, (_, i) =>
    Math.hypot((i % side) - reach, Math.floor(i / side) - reach) <= radius ? 1 : 0,
  )
  const data = normalized(inside)
  const weights = gaussianWeights(1, softening)
  const disk = { channels: 1, height: side, width: side, data }
  const across = correlate(disk, { height: 1, width: 3, weights }, 'nearest')
  const softened = correlate(across, { height: 3, width: 1, weights }, 'nearest')
  return { height: side, width: side, weights: softened.data }
}

/** Blurs, displaces pixels by up to `reach` pixels, and blurs again. */
export const glassBlur = defineCorruption({
  id: 'glass-blur',
  family: 'blur',
  constants: [
    { deviation: 0.05, reach: 1, rounds: 1 },
    { deviation: 0.25, reach: 1, rounds: 1 },
    { deviation: 0.4, reach: 1, rounds: 1 },
    { deviation: 0.25, reach: 1, rounds: 2 },
    { deviation: 0.4, reach: 1, rounds: 2 },
  ],
  apply(image, { deviation, reach, rounds }, stream) {
    const displaced = mapValues(smooth(image, deviation), cutToByte)
    for (let round = 0; round < rounds; round++) displacePixels(displaced, reach, stream)
    return smooth(displaced, deviation)
  },
})

/**
 * Replaces each pixel, from the lower right to the upper left, by a random pixel that is −reach to
 * reach − 1 rows and columns away. Pixels too close to the edge do not change. Works in place.
 *
 * Differs from the paper, as the published images do: the two pixels should be swapped, but the
 * authors' assignment copies one onto the other.
 */
function displacePixels(
  { channels, height, width, data }: Image,
  reach: number,
  stream: RandomStream,
): void {
  const plane = height * width
  for (let y = height - reach; y > reach; y--) {
    for (let x = width - reach; x > reach; x--) {
      const right = stream.integer(2 * reach) - reach
      const down = stream.integer(2 * reach) - reach
      for (let channel = 0; channel < channels; channel++) {
        const start = channel * plane
        data[start + y * width + x] = data[start + (y + down) * width + x + right]!
      }
    }
  }
}

/** Blurs along a random direction within 45° of the horizontal. */
export const motionBlur = defineCorruption({
  id: 'motion-blur',
  family: 'blur',
  constants: [
    { radius: 6, deviation: 1 },
    { radius: 6, deviation: 1.5 },
    { radius: 6, deviation: 2 },
    { radius: 8, deviation: 2 },
    { radius: 9, deviation: 2.5 },
  ],
  apply: (image, constants, stream) =>
    smear(image, { ...constants, angle: between(stream, -45, 45) }),
})

/** Averages the image with magnifications by 1, 1.01, … up to `largest`. */
export const zoomBlur = defineCorruption({
  id: 'zoom-blur',
  family: 'blur',
  // The first two are 0.01 above the limits in the authors' code: by rounding, NumPy's arange
  // includes its end there.
  constants: [
    { largest: 1.06 },
    { largest: 1.11 },
    { largest: 1.15 },
    { largest: 1.2 },
    { largest: 1.25 },
  ],
  apply(image, { largest }) {
    // NumPy's arange steps by 0.01 with the rounding error of 1 + 0.01.
    const step = 1 + 0.01 - 1
    const count = Math.round((largest - 1) / 0.01) + 1
    const sum = image.data.slice()
    for (let i = 0; i < count; i++) {
      const { data } = magnify(image, 1 + i * step)
      for (let index = 0; index < sum.length; index++) sum[index]! += data[index]!
    }
    return { ...image, data: sum.map((value) => value / (count + 1)) }
  },
})

/** Blurs with a Gaussian. */
export const gaussianBlur = defineCorruption({
  id: 'gaussian-blur',
  family: 'blur',
  constants: [
    { deviation: 0.4 },
    { deviation: 0.6 },
    { deviation: 0.7 },
    { deviation: 0.8 },
    { deviation: 1 },
  ],
  apply: (image, { deviation }) => smooth(image, deviation),
})
