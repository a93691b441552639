/** The CIFAR-10 binary format: records of a label byte and 3072 bytes of R, G and B planes. */
import { ConfigError } from '../../base/errors.ts'
import type { LabeledPixels } from '../memory-dataset.ts'
import type { NamedBytes } from '../published.ts'

const pixelsPerImage = 3 * 32 * 32
const recordSize = 1 + pixelsPerImage
const classes = 10

/**
 * Decodes batches, in order, into pixels `[n, 3, 32, 32]` and labels 0 … 9.
 * @throws ConfigError ROBENCH_DATA for a batch with a partial record, or a label above 9
 */
export function decodeCifarBinary(batches: readonly NamedBytes[]): LabeledPixels {
  let count = 0
  for (const { path, bytes } of batches) {
    if (bytes.length === 0 || bytes.length % recordSize !== 0) {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${path}: expected whole records of ${recordSize} bytes, got ${bytes.length} bytes; ` +
          'the file is truncated or not a CIFAR-10 binary batch',
      )
    }
    count += bytes.length / recordSize
  }
  const pixels = new Uint8Array(count * pixelsPerImage)
  const labels = new Int32Array(count)
  let example = 0
  for (const { path, bytes } of batches) {
    for (let start = 0; start < bytes.length; start += recordSize) {
      const label = bytes[start]!
      if (label >= classes) {
        throw new ConfigError(
          'ROBENCH_DATA',
          `${path}: record ${start / recordSize}: expected a label from 0 to 9, got ${label}; ` +
            'the file is not a CIFAR-10 binary batch',
        )
      }
      labels[example] = label
      pixels.set(bytes.subarray(start + 1, start + recordSize), example * pixelsPerImage)
      example += 1
    }
  }
  return { pixels, labels }
}

/** Encodes pixels `[n, 3, 32, 32]` and labels 0 … 9 as one binary batch. */
export function encodeCifarBinary({ pixels, labels }: LabeledPixels): Uint8Array {
  const bytes = new Uint8Array(labels.length * recordSize)
  for (let example = 0; example < labels.length; example++) {
    const image = pixels.subarray(example * pixelsPerImage, (example + 1) * pixelsPerImage)
    bytes[example * recordSize] = labels[example]!
    bytes.set(image, example * recordSize + 1)
  }
  return bytes
}
