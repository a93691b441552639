/** SVHN's cropped digits: a MAT-file with `X` [32, 32, 3, n] and `y` [n, 1]; 10 is digit 0. */
import { ConfigError } from '../../base/errors.ts'
import type { LabeledPixels } from '../memory-dataset.ts'
import type { NamedBytes } from '../published.ts'
import { readMat5 } from './mat5.ts'
import type { MatArray } from './mat5.ts'

const side = 32
const channels = 3
const imageSize = channels * side * side

/**
 * Decodes one published file into pixels `[n, 3, 32, 32]` and labels 0 … 9.
 * @throws ConfigError ROBENCH_DATA for missing arrays, wrong shapes, unequal counts, or labels
 * outside 1 … 10
 */
export function decodeSvhn(files: readonly NamedBytes[]): LabeledPixels {
  const [file] = files
  if (file === undefined) throw new TypeError('decodeSvhn: expected a file, got none')
  const arrays = readMat5(file)
  const images = arrays.get('X')
  const digits = arrays.get('y')
  if (!images || !digits) {
    const names = [...arrays.keys()].map((name) => `"${name}"`).join(', ') || 'none'
    throw new ConfigError(
      'ROBENCH_DATA',
      `${file.path}: expected numeric arrays "X" and "y" (SVHN format 2, cropped digits), ` +
        `got ${names}`,
    )
  }
  const pixels = toRowMajor(file.path, images)
  return { pixels, labels: toLabels(file.path, digits, pixels.length / imageSize) }
}

/** From column-major `[height, width, channels, n]` to row-major `[n, channels, height, width]`. */
function toRowMajor(path: string, { shape, data }: MatArray): Uint8Array {
  // The last axis is missing if there is a single image.
  const [height, width, depth, count = 1] = shape
  const fits = height === side && width === side && depth === channels && shape.length <= 4
  if (!fits || !(data instanceof Uint8Array)) {
    const stored = data.constructor.name.replace('Array', '').toLowerCase()
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: X: expected uint8 [32, 32, 3, n], got ${stored} [${shape.join(', ')}]`,
    )
  }
  const pixels = new Uint8Array(count * imageSize)
  const planes = count * channels
  for (let plane = 0; plane < planes; plane++) {
    const start = plane * side * side
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        pixels[start + row * side + column] = data[start + column * side + row]!
      }
    }
  }
  return pixels
}

function toLabels(path: string, { shape, data }: MatArray, count: number): Int32Array {
  if (shape.length !== 2 || Math.min(shape[0]!, shape[1]!) !== 1 || data.length !== count) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: y: expected [${count}, 1], one label for each image of X, ` +
        `got [${shape.join(', ')}]`,
    )
  }
  const labels = new Int32Array(count)
  for (let example = 0; example < count; example++) {
    const label = data[example]!
    if (!Number.isInteger(label) || label < 1 || label > 10) {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${path}: y: element ${example}: expected a whole number from 1 to 10 ` +
          `(10 is digit 0), got ${label}`,
      )
    }
    labels[example] = label % 10
  }
  return labels
}
