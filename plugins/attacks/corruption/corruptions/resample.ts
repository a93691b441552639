/** Magnification, linear interpolation at arbitrary points, and box resampling. */
import { insideBorder } from './filters.ts'
import type { Border } from './filters.ts'
import { clip, mapValues } from './image.ts'
import type { Image } from './image.ts'

/**
 * Samples an image at arbitrary points by linear interpolation.
 * @param sourceOf maps an output pixel to its source point, in pixels
 */
export function sampleLinear(
  image: Image,
  border: Border,
  sourceOf: (y: number, x: number) => readonly [y: number, x: number],
): Image {
  const { channels, height, width, data } = image
  const plane = height * width
  const output = new Float64Array(data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sourceY, sourceX] = sourceOf(y, x)
      const [upper, lower, toLower] = neighbors(sourceY, height, border)
      const [left, right, toRight] = neighbors(sourceX, width, border)
      for (let channel = 0; channel < channels; channel++) {
        const start = channel * plane
        const top = start + upper * width
        const bottom = start + lower * width
        const above = data[top + left]! * (1 - toRight) + data[top + right]! * toRight
        const below = data[bottom + left]! * (1 - toRight) + data[bottom + right]! * toRight
        output[start + y * width + x] = above * (1 - toLower) + below * toLower
      }
    }
  }
  return { ...image, data: output }
}

/** The two pixels around a point on an axis, and the fraction of the way from first to second. */
function neighbors(
  at: number,
  length: number,
  border: Border,
): readonly [first: number, second: number, fraction: number] {
  const below = Math.floor(at)
  const first = insideBorder(below, length, border)
  return [first, insideBorder(below + 1, length, border), at - below]
}

/** Magnifies the middle of the image by `factor` (1 or more) linearly. The size stays the same. */
export function magnify(image: Image, factor: number): Image {
  const rows = zoomedPlaces(image.height, factor)
  const columns = zoomedPlaces(image.width, factor)
  return sampleLinear(image, 'nearest', (y, x) => [rows[y]!, columns[x]!])
}

/**
 * The source of each index of an axis whose middle is magnified. The middle is cropped, its first
 * and last pixels map to those of the magnified axis (as in SciPy's zoom), and the excess is
 * trimmed on both sides.
 */
function zoomedPlaces(length: number, factor: number): Float64Array {
  const kept = Math.ceil(length / factor)
  const start = Math.floor((length - kept) / 2)
  const zoomed = roundHalfEven(kept * factor)
  const trimmed = Math.floor((zoomed - length) / 2)
  const step = zoomed > 1 ? (kept - 1) / (zoomed - 1) : 0
  return Float64Array.from({ length }, (_, i) => start + Math.min(kept - 1, (i + trimmed) * step))
}

/** Rounds halves to even, as Python does. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded
}

/**
 * Shrinks each side to ⌊fraction · side⌋ (at least 1) and enlarges it again, with Pillow's box
 * filter: each output pixel is the mean of the pixels whose center is in its box. Values are
 * rounded to 8 bits after each of the four passes.
 */
export function shrinkAndEnlarge(image: Image, fraction: number): Image {
  const { height, width } = image
  const small = (side: number): number => Math.max(1, Math.floor(side * fraction))
  // Integers, so that halves are exact and round up.
  const bytes = mapValues(image, (value) => Math.round(255 * clip(value)))
  const down = resizeRows(resizeColumns(bytes, small(width)), small(height))
  return mapValues(resizeRows(resizeColumns(down, width), height), (value) => value / 255)
}

function resizeColumns(image: Image, width: number): Image {
  const { channels, height, data } = image
  const output = new Float64Array(channels * height * width)
  const spans = boxes(image.width, width)
  for (let row = 0; row < channels * height; row++) {
    for (let x = 0; x < width; x++) {
      const [first, end] = spans[x]!
      let sum = 0
      for (let i = first; i < end; i++) sum += data[row * image.width + i]!
      output[row * width + x] = Math.round(sum / (end - first))
    }
  }
  return { ...image, width, data: output }
}

function resizeRows(image: Image, height: number): Image {
  const { channels, width, data } = image
  const output = new Float64Array(channels * height * width)
  const spans = boxes(image.height, height)
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      const [first, end] = spans[y]!
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let i = first; i < end; i++) sum += data[(channel * image.height + i) * width + x]!
        output[(channel * height + y) * width + x] = Math.round(sum / (end - first))
      }
    }
  }
  return { ...image, height, data: output }
}

/**
 * For each output index the range of pixels `first` to `end` (exclusive) whose center lies in
 * (center − half, center + half].
 */
function boxes(from: number, to: number): readonly (readonly [first: number, end: number])[] {
  const scale = from / to
  const half = Math.max(1, scale) / 2
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale
    // The center of pixel p is at p + 0.5.
    const first = Math.max(0, Math.floor(center - half - 0.5) + 1)
    const end = Math.min(from, Math.floor(center + half - 0.5) + 1)
    return [first, end]
  })
}
