/** The IDX format of MNIST and Fashion-MNIST: magic number, big-endian sizes, unsigned bytes. */
import { ConfigError } from '../../base/errors.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'
import type { LabeledPixels } from '../memory-dataset.ts'
import type { NamedBytes } from '../published.ts'

/** The element type in the magic number; the published sets contain only unsigned bytes. */
const unsignedByte = 0x08

/** An array of unsigned bytes. */
export interface IdxArray {
  readonly shape: readonly number[]
  /** Row-major, a view of the file's bytes. */
  readonly data: Uint8Array
}

/**
 * Reads an uncompressed IDX file with `rank` axes of unsigned bytes.
 * @throws ConfigError ROBENCH_DATA for a wrong magic number, or a length that contradicts the sizes
 */
export function parseIdx({ path, bytes }: NamedBytes, rank: number): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const expectedMagic = (unsignedByte << 8) | rank
  const magic = bytes.length >= 4 ? view.getUint32(0) : undefined
  const headerSize = 4 + 4 * rank
  if (magic !== expectedMagic || bytes.length < headerSize) {
    const got = magic === undefined ? `${bytes.length} bytes` : hexadecimal(magic)
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: expected an IDX file of ${rank} axes of unsigned bytes ` +
        `(magic number ${hexadecimal(expectedMagic)}), got ${got}`,
    )
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const size = sizeOf(shape)
  if (bytes.length !== headerSize + size) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: its header says [${shape.join(', ')}], that is ${headerSize + size} bytes, ` +
        `got ${bytes.length}; the file is truncated or damaged`,
    )
  }
  return { shape, data: bytes.subarray(headerSize) }
}

/**
 * Decodes an images file `[n, 28, 28]` and a labels file `[n]`, in that order, into pixels
 * `[n, 1, 28, 28]` and labels 0 … 9.
 * @throws ConfigError ROBENCH_DATA for wrong sizes, unequal counts, or a label above 9
 */
export function decodeIdxPair(files: readonly NamedBytes[]): LabeledPixels {
  const [imageFile, labelFile] = files
  if (imageFile === undefined || labelFile === undefined) {
    throw new TypeError(`decodeIdxPair: expected an images and a labels file, got ${files.length}`)
  }
  const images = parseIdx(imageFile, 3)
  const labels = parseIdx(labelFile, 1)
  const [count, height, width] = images.shape
  if (height !== 28 || width !== 28) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${imageFile.path}: expected images of 28 × 28 pixels, got ${height} × ${width}`,
    )
  }
  if (count !== labels.data.length) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${labelFile.path}: ${labels.data.length} labels for the ${count} images of ` +
        `${imageFile.path}; both files must be of the same split`,
    )
  }
  const wrong = labels.data.findIndex((label) => label > 9)
  if (wrong !== -1) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${labelFile.path}: label ${wrong}: expected 0 to 9, got ${labels.data[wrong]}`,
    )
  }
  return { pixels: images.data, labels: Int32Array.from(labels.data) }
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
