/** NumPy's .npz archives: .npy files in a ZIP archive. */
import { basename } from 'node:path'
import { choosePart } from './choose-part.ts'
import { parseNpy } from './npy.ts'
import type { NpyArray } from './npy.ts'
import { withZip } from './zip.ts'
import type { ZipArchive, ZipMember } from './zip.ts'

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
export function readNpz(
  path: string,
  columns: { readonly inputs?: string; readonly labels?: string } = {},
): Promise<NpzPair> {
  return withZip(path, 'cannot be read as an .npz archive; write one with numpy.savez', (archive) =>
    readPair(path, archive, columns),
  )
}

async function readPair(
  path: string,
  archive: ZipArchive,
  columns: { readonly inputs?: string; readonly labels?: string },
): Promise<NpzPair> {
  const arrays = new Map<string, ZipMember>()
  for (const member of archive.members) {
    if (member.name.endsWith('.npy')) arrays.set(basename(member.name, '.npy'), member)
  }
  const names = [...arrays.keys()]
  const inputs = choosePart({ path, kind: 'array', names }, 'inputs', columns.inputs, usualInputs)
  const labels = choosePart({ path, kind: 'array', names }, 'labels', columns.labels, usualLabels)
  const arrayOf = async (name: string): Promise<NpyArray> => {
    const { buffer, byteOffset, byteLength } = await archive.read(arrays.get(name)!)
    const own = buffer.slice(byteOffset, byteOffset + byteLength)
    return parseNpy(own as ArrayBuffer, `${path}: ${name}`)
  }
  const images = channelsFirst(await arrayOf(inputs))
  return { inputs: images, labels: inputs === labels ? images : await arrayOf(labels) }
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
