/**
 * The lossy part of JPEG: color conversion, 4:2:0 subsampling, 8 × 8 cosine transform,
 * quantization, and their inverses. Entropy coding is lossless and omitted.
 */
import { clip, hasColor } from './image.ts'
import type { Image } from './image.ts'
import { chrominanceSteps, luminanceSteps, scaledSteps } from '../../../jpeg-quantization.ts'

/** One channel in 8-bit units, from 0 to 255. */
interface Samples {
  readonly height: number
  readonly width: number
  readonly data: Float64Array
}

/**
 * Encodes an image as JPEG and decodes it, in 8 bits. Reproduces the integer arithmetic of libjpeg
 * with its defaults (accurate transform, smooth chroma upsampling). In an image without color, each
 * channel is coded as a gray image.
 * @param quality 1 to 100
 */
export function jpegRoundTrip(image: Image, quality: number): Image {
  const { channels, height, width } = image
  const plane = height * width
  const bytes = image.data.map((value) => Math.round(255 * clip(value)))
  const channel = (place: number): Samples => ({
    height,
    width,
    data: bytes.subarray(place * plane, (place + 1) * plane),
  })
  const output = new Float64Array(bytes.length)
  const luminance = scaledSteps(luminanceSteps, quality)
  if (hasColor(image)) {
    const chrominance = scaledSteps(chrominanceSteps, quality)
    const [y, blueness, redness] = toLumaChroma(channel(0), channel(1), channel(2))
    const codeChroma = (samples: Samples): Samples =>
      upsample(codeBlocks(downsample(samples), chrominance), height, width)
    const coded = [codeBlocks(y, luminance), codeChroma(blueness), codeChroma(redness)] as const
    fromLumaChroma(coded, output)
  } else {
    for (let place = 0; place < channels; place++) {
      output.set(codeBlocks(channel(place), luminance).data, place * plane)
    }
  }
  return { ...image, data: output.map((value) => value / 255) }
}

/** A weight in libjpeg's fixed-point format, with 16 fractional bits. */
const fixed = (weight: number): number => Math.round(65536 * weight)
/** One half in the same format, for rounding. */
const half = 32768

/** Converts to JFIF's Y, Cb, and Cr in 8 bits. Halves are rounded down in Cb and Cr. */
function toLumaChroma(
  red: Samples,
  green: Samples,
  blue: Samples,
): readonly [y: Samples, blueness: Samples, redness: Samples] {
  const mix = (r: number, g: number, b: number, offset: number): Samples => ({
    ...red,
    data: red.data.map((value, i) => {
      const sum = fixed(r) * value + fixed(g) * green.data[i]! + fixed(b) * blue.data[i]!
      return Math.floor((sum + offset) / 65536)
    }),
  })
  const middle = 128 * 65536 + half - 1
  return [
    mix(0.299, 0.587, 0.114, half),
    mix(-0.168735892, -0.331264108, 0.5, middle),
    mix(0.5, -0.418687589, -0.081312411, middle),
  ]
}

function fromLumaChroma(
  [y, blueness, redness]: readonly [Samples, Samples, Samples],
  output: Float64Array,
): void {
  const plane = y.data.length
  for (let i = 0; i < plane; i++) {
    const light = y.data[i]!
    const b = blueness.data[i]! - 128
    const r = redness.data[i]! - 128
    const green = fixed(-0.344136286) * b + fixed(-0.714136286) * r
    output[i] = toByte(light + Math.floor((fixed(1.402) * r + half) / 65536))
    output[plane + i] = toByte(light + Math.floor((green + half) / 65536))
    output[2 * plane + i] = toByte(light + Math.floor((fixed(1.772) * b + half) / 65536))
  }
}

/**
 * Averages 2 × 2 values. Halves are rounded down and up in turn along a row. Rows are padded to
 * whole blocks by repeating the last input column, as in libjpeg. Columns are padded by repeating
 * the last mean, which `codeBlocks` does.
 */
function downsample({ height, width, data }: Samples): Samples {
  const halfHeight = Math.ceil(height / 2)
  const halfWidth = Math.ceil(width / 2)
  const paddedWidth = 8 * Math.ceil(halfWidth / 8)
  const means = new Float64Array(halfHeight * paddedWidth)
  for (let y = 0; y < halfHeight; y++) {
    const upper = 2 * y * width
    const lower = Math.min(2 * y + 1, height - 1) * width
    for (let x = 0; x < paddedWidth; x++) {
      const left = Math.min(2 * x, width - 1)
      const right = Math.min(2 * x + 1, width - 1)
      const sum =
        data[upper + left]! + data[upper + right]! + data[lower + left]! + data[lower + right]!
      means[y * paddedWidth + x] = Math.floor((sum + 1 + (x % 2)) / 4)
    }
  }
  return { height: halfHeight, width: paddedWidth, data: means }
}

/**
 * Doubles the number of rows and columns. Each new value is ¾ of the nearest and ¼ of the next
 * value, first down, then across, rounded as in libjpeg. Images of two columns or fewer repeat
 * values instead. Padding columns are ignored.
 */
function upsample(samples: Samples, height: number, width: number): Samples {
  const columns = Math.ceil(width / 2)
  const rows = samples.height
  const at = (y: number, x: number): number => samples.data[y * samples.width + x]!
  const data = new Float64Array(height * width)
  for (let y = 0; y < height; y++) {
    const near = y >> 1
    const far = Math.min(rows - 1, Math.max(0, near + (y % 2 === 0 ? -1 : 1)))
    const down = (x: number): number => 3 * at(near, x) + at(far, x)
    for (let x = 0; x < width; x++) {
      const column = x >> 1
      const next = column + (x % 2 === 0 ? -1 : 1)
      const rounding = x % 2 === 0 ? 8 : 7
      const beyond = next < 0 || next >= columns
      const sum = beyond ? 4 * down(column) : 3 * down(column) + down(next)
      data[y * width + x] = columns > 2 ? (sum + rounding) >> 4 : at(near, column)
    }
  }
  return { height, width, data }
}

/** Transforms, quantizes, and restores each 8 × 8 block. Partial blocks repeat the edge values. */
function codeBlocks({ height, width, data }: Samples, steps: Float64Array): Samples {
  const output = new Float64Array(data.length)
  const block = new Float64Array(64)
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      for (let i = 0; i < 64; i++) {
        const y = Math.min(height - 1, top + (i >> 3))
        const x = Math.min(width - 1, left + (i & 7))
        block[i] = data[y * width + x]! - 128
      }
      const restored = restore(quantize(block, steps))
      for (let i = 0; i < 64; i++) {
        const y = top + (i >> 3)
        const x = left + (i & 7)
        if (y < height && x < width) output[y * width + x] = toByte(restored[i]! + 128)
      }
    }
  }
  return { height, width, data: output }
}

/** Rounds each coefficient to a multiple of its step, halves away from zero. */
function quantize(block: Float64Array, steps: Float64Array): Float64Array {
  // Coefficients are in units of 1/8.
  const coefficients = transformColumns(transformRows(block, forwardBasis, 11), forwardBasis, 15)
  return coefficients.map((value, i) => {
    const level = Math.floor((Math.abs(value) + 4 * steps[i]!) / (8 * steps[i]!))
    return Math.sign(value) * level * steps[i]!
  })
}

function restore(coefficients: Float64Array): Float64Array {
  return transformRows(transformColumns(coefficients, inverseBasis, 11), inverseBasis, 18)
}

/**
 * The left half of the cosines of each frequency: √8 times those of norm 1, in units of 2⁻¹³. The
 * right half mirrors the left, with the sign flipped at odd frequencies. Some values differ by one
 * from the nearest integer: they are sums of the rounded factors of libjpeg's fast algorithm
 * (Loeffler et al. 1989), which makes results equal to the last bit.
 */
const cosines = [
  [8192, 8192, 8192, 8192],
  [11363, 9633, 6437, 2260],
  [10703, 4433, -4433, -10703],
  [9633, -2259, -11362, -6436],
  [8192, -8192, -8192, 8192],
  [6437, -11362, 2261, 9633],
  [4433, -10704, 10704, -4433],
  [2260, -6436, 9633, -11363],
]
/** Cosines, `[frequency, place]`. */
const forwardBasis = Float64Array.from(
  cosines.flatMap((left, frequency) => [
    ...left,
    ...left.map((value) => (frequency % 2 === 0 ? value : -value)).toReversed(),
  ]),
)
const inverseBasis = forwardBasis.map((_, i) => forwardBasis[(i & 7) * 8 + (i >> 3)]!)

/** block · basisᵀ / 2^bits, rounded. */
function transformRows(block: Float64Array, basis: Float64Array, bits: number): Float64Array {
  return block.map((_, i) => {
    const [row, u] = [i & 56, (i & 7) * 8]
    let sum = 0
    for (let k = 0; k < 8; k++) sum += block[row + k]! * basis[u + k]!
    return Math.round(sum / 2 ** bits)
  })
}

/** basis · block / 2^bits, rounded. */
function transformColumns(block: Float64Array, basis: Float64Array, bits: number): Float64Array {
  return block.map((_, i) => {
    const [u, column] = [i & 56, i & 7]
    let sum = 0
    for (let k = 0; k < 8; k++) sum += basis[u + k]! * block[8 * k + column]!
    return Math.round(sum / 2 ** bits)
  })
}

function toByte(value: number): number {
  return Math.min(255, Math.max(0, value))
}
