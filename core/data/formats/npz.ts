/** NumPy's .npz archives: .npy files in a ZIP archive. */
import { basename } from 'node:path'
import { unzipSync } from 'fflate'
import { ConfigError } from '../../base/errors.ts'
import { maxDatasetBytes } from '../limits.ts'
import { choosePart } from './choose-part.ts'
import { parseNpy, readBuffer } from './npy.ts'
import type { NpyArray } from './npy.ts'

/** Usual names of the test images and of their labels, the more specific ones first. */
const usualInputs = ['x_test', 'test_images', 'inputs', 'images', 'x', 'X', 'data', 'arr_0']
const usualLabels = ['y_test', 'test_labels', 'labels', 'y', 'Y', 'targets', 'arr_1']

/** The two arrays of a data set. */
export interface NpzPair {
  readonly inputs: NpyArray
  readonly labels: NpyArray
}

/**
 * Reads the images and the labels of an archive: the arrays that `columns` names, or else those
 * with usual names. Images without a channel axis, `[n, h, w]`, get one, and images with channels
 * last, `[n, h, w, 1 or 3]`, are transposed.
 * @throws ConfigError ROBENCH_DATA: not an archive, no such array, or too large
 */
export async function readNpz(
  path: string,
  columns: { readonly inputs?: string; readonly labels?: string } = {},
): Promise<NpzPair> {
  const bytes = new Uint8Array(await readBuffer(path))
  const names: string[] = []
  expand(path, bytes, (name) => {
    names.push(name)
    return false
  })
  const inputs = choosePart({ path, kind: 'array', names }, 'inputs', columns.inputs, usualInputs)
  const labels = choosePart({ path, kind: 'array', names }, 'labels', columns.labels, usualLabels)
  const found = expand(path, bytes, (name) => name === inputs || name === labels)
  const arrayOf = (name: string): NpyArray => {
    const { buffer, byteOffset, byteLength } = found[`${name}.npy`]!
    const own = buffer.slice(byteOffset, byteOffset + byteLength)
    return parseNpy(own as ArrayBuffer, `${path}: ${name}`)
  }
  return { inputs: channelsFirst(arrayOf(inputs)), labels: arrayOf(labels) }
}

/** Unpacks the wanted arrays. @throws ConfigError ROBENCH_DATA */
function expand(
  path: string,
  bytes: Uint8Array,
  wants: (name: string) => boolean,
): Record<string, Uint8Array> {
  let total = 0
  try {
    return unzipSync(bytes, {
      filter({ name, originalSize }) {
        if (!name.endsWith('.npy') || !wants(basename(name, '.npy'))) return false
        total += originalSize
        if (total > maxDatasetBytes) {
          throw new ConfigError(
            'ROBENCH_DATA',
            `${path}: its arrays expand to more than ${maxDatasetBytes / 2 ** 30} GiB`,
          )
        }
        return true
      },
    })
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: cannot be read as an .npz archive (${reason}); write one with numpy.savez`,
      { cause: error },
    )
  }
}

/** `[n, h, w]` with an axis of one channel; `[n, h, w, c]` as `[n, c, h, w]` if c is 1 or 3. */
function channelsFirst(array: NpyArray): NpyArray {
  const { shape, data } = array
  const [count = 0, height = 0, width = 0, channels = 0] = shape
  if (shape.length === 3) return { ...array, shape: [count, 1, height, width] }
  const isLast = (channels === 1 || channels === 3) && height !== 1 && height !== 3
  const isTyped = data instanceof Uint8Array || data instanceof Float32Array
  if (shape.length !== 4 || !isLast || !isTyped) return array
  const plane = height * width
  const moved = data instanceof Uint8Array ? new Uint8Array(data.length) : data.slice()
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < channels; c++) {
        moved[(n * channels + c) * plane + i] = data[(n * plane + i) * channels + c]!
      }
    }
  }
  return { ...array, shape: [count, channels, height, width], data: moved }
}
