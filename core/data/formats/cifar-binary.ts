/** The binary format of CIFAR-10 and CIFAR-100: label bytes and 3072 bytes of R, G, B planes. */
import { ConfigError } from '../../base/errors.ts'
import type { LabeledPixels } from '../memory-dataset.ts'
import type { NamedBytes } from '../published.ts'

const pixelsPerImage = 3 * 32 * 32
const recordSize = 1 + pixelsPerImage

/** What differs between the two data sets. */
interface CifarVariant {
  readonly name: string
  readonly classes: number
  /** Label bytes of a record; the last one is the label. */
  readonly labelBytes: number
}

/**
 * Decodes CIFAR-10 batches, in order, into pixels `[n, 3, 32, 32]` and labels 0 … 9.
 * @throws ConfigError ROBENCH_DATA for a batch with a partial record, or a label above 9
 */
export function decodeCifarBinary(batches: readonly NamedBytes[]): LabeledPixels {
  return decodeBatches(batches, { name: 'CIFAR-10', classes: 10, labelBytes: 1 })
}

/**
 * Decodes a CIFAR-100 file into pixels `[n, 3, 32, 32]` and fine labels 0 … 99. Each record begins
 * with the coarse label, which is not used.
 * @throws ConfigError ROBENCH_DATA for a file with a partial record, or a label above 99
 */
export function decodeCifar100Binary(files: readonly NamedBytes[]): LabeledPixels {
  return decodeBatches(files, { name: 'CIFAR-100', classes: 100, labelBytes: 2 })
}

function decodeBatches(
  batches: readonly NamedBytes[],
  { name, classes, labelBytes }: CifarVariant,
): LabeledPixels {
  const recordSize = labelBytes + pixelsPerImage
  let count = 0
  for (const { path, bytes } of batches) {
    if (bytes.length === 0 || bytes.length % recordSize !== 0) {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${path}: expected whole records of ${recordSize} bytes, got ${bytes.length} bytes; ` +
          `the file is truncated or not a ${name} binary batch`,
      )
    }
    count += bytes.length / recordSize
  }
  const pixels = new Uint8Array(count * pixelsPerImage)
  const labels = new Int32Array(count)
  let example = 0
  for (const { path, bytes } of batches) {
    for (let start = 0; start < bytes.length; start += recordSize) {
      const label = bytes[start + labelBytes - 1]!
      if (label >= classes) {
        throw new ConfigError(
          'ROBENCH_DATA',
          `${path}: record ${start / recordSize}: expected a label from 0 to ${classes - 1}, ` +
            `got ${label}; the file is not a ${name} binary batch`,
        )
      }
      labels[example] = label
      const image = bytes.subarray(start + labelBytes, start + recordSize)
      pixels.set(image, example * pixelsPerImage)
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
