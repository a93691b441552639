/** The examples of the bundle in one file: all labels, then the 8-bit pixels. */
import { readFileSync } from 'node:fs'
import { float32 } from '../../../dist/core/engine/tensor/tensor.js'

const imageShape = [3, 32, 32]
const imageSize = 3 * 32 * 32

/** The first `count` examples of a data set as bytes: `count` labels, then the pixels. */
export function sliceExamples(dataset, count) {
  const rows = dataset.rows(Int32Array.from({ length: count }, (_, i) => i))
  const pixels = Uint8Array.from(rows.data, (value) => Math.round(value * 255))
  return Buffer.concat([Uint8Array.from(dataset.labels.subarray(0, count)), pixels])
}

/** Reads the first `count` examples: float32 `[count, 3, 32, 32]` in [0, 1], and int32 labels. */
export function readExamples(file, count) {
  const bytes = readFileSync(file)
  const total = bytes.length / (imageSize + 1)
  const pixels = bytes.subarray(total, total + count * imageSize)
  return {
    inputs: float32(
      [count, ...imageShape],
      Float32Array.from(pixels, (value) => value / 255),
    ),
    labels: Int32Array.from(bytes.subarray(0, count)),
  }
}
