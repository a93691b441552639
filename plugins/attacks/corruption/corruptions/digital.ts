/** Digital corruptions: contrast, elastic deformation, pixelation, JPEG, saturation. */
import { changeSaturation } from './color.ts'
import { defineCorruption } from './corruption-record.ts'
import { deform } from './elastic.ts'
import { mapPixels } from './image.ts'
import { jpegRoundTrip } from './jpeg-codec.ts'
import { shrinkAndEnlarge } from './resample.ts'

/** Shrinks the distance to each channel's mean. */
export const contrast = defineCorruption({
  id: 'contrast',
  family: 'digital',
  constants: [{ kept: 0.75 }, { kept: 0.5 }, { kept: 0.4 }, { kept: 0.3 }, { kept: 0.15 }],
  apply(image, { kept }) {
    const plane = image.height * image.width
    const means = Float64Array.from({ length: image.channels }, (_, channel) => {
      const values = image.data.subarray(channel * plane, (channel + 1) * plane)
      return values.reduce((sum, value) => sum + value, 0) / plane
    })
    return mapPixels(image, (value, channel) => (value - means[channel]!) * kept + means[channel]!)
  },
})

/** Applies a random affine map, then a random smooth displacement. */
export const elasticTransform = defineCorruption({
  id: 'elastic-transform',
  family: 'digital',
  // The authors' constants are fractions of the side of 32 pixels.
  constants: [
    { amplitude: 0, smoothness: 0, shift: 0.08 * 32 },
    { amplitude: 0.05 * 32, smoothness: 0.2 * 32, shift: 0.07 * 32 },
    { amplitude: 0.08 * 32, smoothness: 0.06 * 32, shift: 0.06 * 32 },
    { amplitude: 0.1 * 32, smoothness: 0.04 * 32, shift: 0.05 * 32 },
    { amplitude: 0.1 * 32, smoothness: 0.03 * 32, shift: 0.03 * 32 },
  ],
  apply: deform,
})

/** Shrinks each side to `fraction` and enlarges it again, with a box filter. */
export const pixelate = defineCorruption({
  id: 'pixelate',
  family: 'digital',
  constants: [
    { fraction: 0.95 },
    { fraction: 0.9 },
    { fraction: 0.85 },
    { fraction: 0.75 },
    { fraction: 0.65 },
  ],
  apply: (image, { fraction }) => shrinkAndEnlarge(image, fraction),
})

/** Compresses as JPEG with 4:2:0 subsampling. */
export const jpegCompression = defineCorruption({
  id: 'jpeg-compression',
  family: 'digital',
  constants: [{ quality: 80 }, { quality: 65 }, { quality: 58 }, { quality: 50 }, { quality: 40 }],
  apply: (image, { quality }) => jpegRoundTrip(image, quality),
})

/** Multiplies the saturation and adds to it; images without color do not change. */
export const saturate = defineCorruption({
  id: 'saturate',
  family: 'digital',
  constants: [
    { factor: 0.3, added: 0 },
    { factor: 0.1, added: 0 },
    { factor: 1.5, added: 0 },
    { factor: 2, added: 0.1 },
    { factor: 2.5, added: 0.2 },
  ],
  apply: (image, { factor, added }) => changeSaturation(image, factor, added),
})
