/** Array files for tests. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dump } from 'npyjs'
import type { Dataset } from '../../../core/data/dataset.ts'

/** Writes an array as .npy. */
export function writeNpy(
  folder: string,
  name: string,
  values: Float32Array | Int32Array,
  shape: readonly number[],
): void {
  writeFileSync(join(folder, name), new Uint8Array(dump(values, [...shape])))
}

/** How images and labels are changed before they are written. */
export interface ArrayChanges {
  pixel?(value: number, channel: number): number
  label?(label: number): number
}

/** Writes the first examples of a data set as `inputs.npy` and `labels.npy`. */
export function writeArrays(
  folder: string,
  dataset: Dataset,
  count: number,
  { pixel = (value) => value, label = (value) => value }: ArrayChanges = {},
): void {
  const { shape, data } = dataset.rows(Int32Array.from({ length: count }, (_, row) => row))
  const [, channels = 1, height = 1, width = 1] = shape
  const changed = data.map((value, at) =>
    pixel(value, Math.floor(at / (height * width)) % channels),
  )
  writeNpy(folder, 'inputs.npy', changed, shape)
  writeNpy(folder, 'labels.npy', Int32Array.from(dataset.labels.slice(0, count), label), [count])
}
