/** The user's images and labels as arrays: checks types, shapes, and ranges. */
import { ConfigError } from '../base/errors.ts'
import { readNpy, refuseArray } from './formats/npy.ts'
import type { NpyArray } from './formats/npy.ts'
import { doubtsAboutRange, refuseRoundedImages } from './stated-range.ts'

/** Checked images and labels. */
export interface LabeledArrays {
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  /** `[n, channels, height, width]`: 8-bit values, or float32 in the bounds. */
  readonly pixels: Uint8Array | Float32Array
  /** `[n]`, from 0. */
  readonly labels: Int32Array
  /** Number of classes, where the labels tell it: one-hot labels do. */
  readonly classes?: number
  /** Sentences about likely mistakes; absent if there are none. */
  readonly doubts?: readonly string[]
}

/** A range of pixels. */
export type Bounds = readonly [low: number, high: number]

/**
 * Reads a pair of .npy files.
 * @throws ConfigError ROBENCH_DATA with the file: missing, not .npy, truncated, or with a wrong
 * type, shape, count or range
 */
export async function readNpyPair(
  inputsPath: string,
  labelsPath: string,
  bounds: Bounds = [0, 1],
): Promise<LabeledArrays> {
  const inputs = await readNpy(inputsPath)
  return labeledArrays(inputs, await readNpy(labelsPath), bounds)
}

/**
 * Checks inputs (uint8, or float32 in the bounds; `[n, c, h, w]`) and labels (see `toLabels`).
 * @throws ConfigError ROBENCH_DATA
 */
export function labeledArrays(
  inputs: NpyArray,
  labelArray: NpyArray,
  bounds: Bounds,
): LabeledArrays {
  const { labels, classes } = toLabels(labelArray)
  const [count, channels, height, width] = inputs.shape
  if (
    inputs.shape.length !== 4 ||
    count === undefined ||
    channels === undefined ||
    height === undefined ||
    width === undefined ||
    inputs.shape.includes(0)
  ) {
    refuseArray(
      inputs,
      `expected inputs of shape [n, channels, height, width], got [${inputs.shape.join(', ')}]${
        inputs.shape.length === 3 ? '; a single channel needs its axis too: x[:, None]' : ''
      }`,
    )
  }
  if (labels.length !== count) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${labelArray.path}: ${labels.length} labels for the ${count} inputs of ${inputs.path}`,
    )
  }
  return {
    shape: [channels, height, width],
    ...toPixels(inputs, bounds),
    labels,
    ...(classes !== undefined && { classes }),
  }
}

/** Images as 8-bit or float32 values. @throws ConfigError ROBENCH_DATA */
function toPixels(inputs: NpyArray, bounds: Bounds): Pick<LabeledArrays, 'pixels' | 'doubts'> {
  const { data, dtype } = inputs
  if (data instanceof Uint8Array && dtype === 'uint8') {
    refuseRoundedImages(inputs, data)
    return { pixels: data }
  }
  if (!(data instanceof Float32Array)) {
    refuseArray(
      inputs,
      `expected inputs of type uint8 or float32, got ${dtype}; save x.astype('float32')`,
    )
  }
  const range = extent(inputs, data)
  const [low, high] = range
  if (low < bounds[0] || high > bounds[1]) {
    const [from, to] = bounds
    const isUnit = from === 0 && to === 1
    let advice = 'set bounds that contain them'
    if (isUnit && low >= 0 && high <= 255) advice = 'set --bounds 0,255, or divide by 255'
    else if (isUnit && low >= -1 && high <= 1) advice = 'set --bounds -1,1 if that is their range'
    else if (isUnit) {
      advice =
        'scale them to [0, 1]; normalization by mean and standard deviation belongs to ' +
        'the model (--mean, --std)'
    }
    refuseArray(
      inputs,
      `expected inputs in [${from}, ${to}], got values from ${low} to ${high}; ${advice}`,
    )
  }
  const doubts = doubtsAboutRange({ array: inputs, data, extent: range, bounds })
  return { pixels: data, ...(doubts.length > 0 && { doubts }) }
}

/** The lowest and the highest value. @throws ConfigError ROBENCH_DATA unless all are finite */
function extent(inputs: NpyArray, data: Float32Array): Bounds {
  let low = Infinity
  let high = -Infinity
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!
    if (!Number.isFinite(value)) {
      const example = Math.floor((i * inputs.shape[0]!) / data.length)
      refuseArray(inputs, `example ${example} contains ${value}; inputs must be finite`)
    }
    if (value < low) low = value
    if (value > high) high = value
  }
  return [low, high]
}

/**
 * Labels as classes from 0: an integer array of any width, `[n]` or `[n, 1]`, or one-hot rows
 * `[n, k]` of any type.
 * @throws ConfigError ROBENCH_DATA
 */
export function toLabels(array: NpyArray): {
  readonly labels: Int32Array
  readonly classes?: number
} {
  const { shape } = array
  const [count = 0, columns = 1] = shape
  if (shape.length === 2 && columns > 1 && count > 0) return fromOneHot(array, count, columns)
  const { data, dtype } = array
  if (!/^u?int/.test(dtype) || !isIntegerArray(data)) {
    refuseArray(array, `expected labels of an integer type, got ${dtype}; save y.astype('int64')`)
  }
  if (!(shape.length === 1 || (shape.length === 2 && columns === 1)) || data.length === 0) {
    refuseArray(
      array,
      `expected labels of shape [n], [n, 1], or one-hot [n, classes], got [${shape.join(', ')}]`,
    )
  }
  const labels = new Int32Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const label = Number(data[i])
    if (label < 0) {
      refuseArray(
        array,
        `label ${i} is ${label}, but classes count from 0; leave out images without a label`,
      )
    }
    if (label > maxLabel) {
      refuseArray(array, `label ${i}: expected a class from 0 to ${maxLabel}, got ${label}`)
    }
    labels[i] = label
  }
  return { labels }
}

/** A label above this is an error in the file. */
const maxLabel = 1_000_000

/** The column of the only 1 of each row. @throws ConfigError ROBENCH_DATA for other rows */
function fromOneHot(
  array: NpyArray,
  count: number,
  classes: number,
): { readonly labels: Int32Array; readonly classes: number } {
  const labels = new Int32Array(count)
  for (let row = 0; row < count; row++) {
    const values = Array.from({ length: classes }, (_, k) => Number(array.data[row * classes + k]))
    const label = values.indexOf(1)
    if (label < 0 || values.some((value, k) => value !== (k === label ? 1 : 0))) {
      if (count === 1 && values.every((value) => Number.isSafeInteger(value) && value >= 0)) {
        refuseArray(
          array,
          `expected labels of shape [n], [n, 1], or one-hot [n, classes], got [1, ${classes}]; ` +
            'save y.reshape(-1)',
        )
      }
      refuseArray(
        array,
        `row ${row}: expected one-hot labels, with a single 1 in each row and 0 elsewhere; ` +
          'class probabilities are no labels: save y.argmax(1)',
      )
    }
    labels[row] = label
  }
  return { labels, classes }
}

function isIntegerArray(data: unknown): data is ArrayLike<number | bigint> {
  return (
    ArrayBuffer.isView(data) &&
    !(data instanceof DataView || data instanceof Float32Array || data instanceof Float64Array)
  )
}
