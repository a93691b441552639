/** Whether images are in the range that the user states: mistakes that the values show. */
import { ConfigError } from '../base/errors.ts'
import { significant } from '../base/figures.ts'
import { refuseArray } from './formats/npy.ts'
import type { NpyArray } from './formats/npy.ts'
import { commonNormalizations } from './normalizations.ts'
import type { Normalization } from './normalizations.ts'

/** A range of pixels. */
type Range = readonly [low: number, high: number]

/**
 * @param where place of the bounds, for messages
 * @throws ConfigError ROBENCH_CONFIG for bounds that are no range
 */
export function requireRange(bounds: readonly number[], where: string): void {
  const [low = Number.NaN, high = Number.NaN] = bounds
  if (bounds.length === 2 && Number.isFinite(high - low) && low < high) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${where}: expected two numbers, the lower one first, such as [0, 255]; got ` +
      `[${bounds.join(', ')}]`,
  )
}

/** Ranges in use, the narrower ones first. */
const commonRanges: readonly Range[] = [
  [0, 1],
  [-1, 1],
  [0, 255],
]

/** Float images, `[n, c, h, w]`, and what was found out about them. */
interface StatedImages {
  readonly array: NpyArray
  readonly data: Float32Array
  /** The lowest and the highest value. */
  readonly extent: Range
  readonly bounds: Range
}

/**
 * Signs that the bounds are not those of the images, which lie in them. A narrow range makes ε
 * too small a part of the bounds; normalized images make ε and the bounds mean other things in each
 * channel.
 * @returns sentences about what is likely, but not certain, to be a mistake
 * @throws ConfigError ROBENCH_DATA for what is certain to be one
 */
export function doubtsAboutRange(images: StatedImages): string[] {
  const [low, high] = images.extent
  if (low === high) return []
  return narrowRange(images) ?? normalizedImages(images) ?? []
}

/**
 * 8-bit images whose values are all 0 or 1: floats in [0, 1] that were converted to integers.
 * @throws ConfigError ROBENCH_DATA
 */
export function refuseRoundedImages(array: NpyArray, data: Uint8Array): void {
  let highest = 0
  for (let i = 0; i < data.length && highest <= 1; i++) highest = Math.max(highest, data[i]!)
  if (highest !== 1) return
  refuseArray(
    array,
    'all values are 0 or 1, but 8-bit images run from 0 to 255; if images in [0, 1] were ' +
      "converted to uint8, save x.astype('float32') or numpy.round(255 * x)",
  )
}

/** All values lie in a common range that is narrower than the bounds. */
function narrowRange({ array, data, extent, bounds }: StatedImages): string[] | undefined {
  const [low, high] = extent
  const [from, to] = bounds
  const width = to - from
  const found = commonRanges.find(
    ([a, b]) => from <= a && b <= to && b - a < width && a <= low && high <= b,
  )
  if (!found) return undefined
  const [a, b] = found
  const stated = `[${from}, ${to}]`
  const message =
    `all values are in [${a}, ${b}] (${significant(low)} to ${significant(high)}), but the ` +
    `bounds are ${stated}`
  const advice = `set --bounds ${a},${b}, or scale the images to ${stated}`
  // Both ends occur, or the images would be black, or no value would be that of an 8-bit image.
  const reachesBoth = low === a && high === b
  const isBlack = (b - a) * 100 <= width
  const hasFractions = width === 255 && data.some((value) => !Number.isInteger(value))
  if (reachesBoth || isBlack || (hasFractions && b === 1)) {
    refuseArray(array, `${message}; ${advice}`)
  }
  return [`${message}; unless no image has other values, ${advice}`]
}

/** Mean and standard deviation of each channel. */
interface ChannelFigures {
  readonly mean: number
  readonly std: number
}

/** Bounds that no images in use have, and values that a normalization gives. */
function normalizedImages({ array, data, extent, bounds }: StatedImages): string[] | undefined {
  const isCommon = commonRanges.some(([a, b]) => a === bounds[0] && b === bounds[1])
  if (isCommon || extent[0] >= 0) return undefined
  const [, channels = 1, height = 1, width = 1] = array.shape
  const plane = height * width
  const known = commonNormalizations.find(
    (normalization) =>
      normalization.mean.length === channels && isNormalizedBy(data, plane, normalization),
  )
  const advice = 'pass them in [0, 1], and state the normalization with --mean and --std'
  if (known) {
    const { mean, std } = known
    refuseArray(
      array,
      `the images are normalized by mean ${mean.join(',')} and standard deviation ` +
        `${std.join(',')}: ε and bounds would not be in pixels; pass them in [0, 1] with ` +
        `--mean ${mean.join(',')} --std ${std.join(',')}`,
    )
  }
  const figures = channelFigures(data, channels, plane)
  if (!figures.every(({ mean, std }) => Math.abs(mean) <= 0.75 && std >= 0.6 && std <= 1.6)) {
    return undefined
  }
  const list = figures.map(({ mean, std }) => `${mean.toFixed(2)} ± ${std.toFixed(2)}`)
  return [
    `the images look normalized (mean and standard deviation of each channel: ` +
      `${list.join(', ')}), so ε and bounds are not in pixels; ${advice}`,
  ]
}

/** Values that are looked at in each channel. */
const mostValues = 4096

/** Whether the normalization turned 8-bit values into these. @param plane pixels of an image */
function isNormalizedBy(data: Float32Array, plane: number, { mean, std }: Normalization): boolean {
  const tolerance = 0.02
  return mean.every((average, channel) => {
    let seen = 0
    for (let start = channel * plane; start < data.length; start += mean.length * plane) {
      for (let i = start; i < start + plane; i++) {
        const value = 255 * (data[i]! * std[channel]! + average)
        const level = Math.round(value)
        if (Math.abs(value - level) > tolerance || level < 0 || level > 255) return false
        if (++seen === mostValues) return true
      }
    }
    return seen > 0
  })
}

function channelFigures(data: Float32Array, channels: number, plane: number): ChannelFigures[] {
  const sums = new Float64Array(channels)
  const squares = new Float64Array(channels)
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / plane) % channels
    const value = data[i]!
    sums[channel]! += value
    squares[channel]! += value * value
  }
  const count = data.length / channels
  return Array.from(sums, (sum, channel) => {
    const mean = sum / count
    return { mean, std: Math.sqrt(Math.max(0, squares[channel]! / count - mean * mean)) }
  })
}
