/** The data set interface: labeled images with a hash, read as float32 rows. */
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { ImageSettings } from './images/settings.ts'

/** A part of a data set. */
export type Split = 'train' | 'test'

/** How a data set is read, whatever its form. */
export interface DatasetSettings {
  /** Name in tables; default: the file name. */
  readonly title?: string
  /**
   * Range of the pixels; default: [0, 1]. 8-bit values 0 … 255 are mapped onto it linearly; float
   * values must lie in it.
   */
  readonly bounds?: readonly [low: number, high: number]
  /** Names in the order of the labels. Of a folder: the names of its directories, in any order. */
  readonly classNames?: readonly string[]
  /** How images of any size become images of one size. */
  readonly image?: ImageSettings
  /** Names of the arrays of an archive, or of the columns of a table. */
  readonly columns?: { readonly inputs?: string; readonly labels?: string }
  /** Only a random sample of the test split, with the same share of each class. */
  readonly sample?: SampleSettings
  /** A .npy file with a target class for each image, `[n]`. */
  readonly targets?: string
  /** A .npy file with an ε for each image, `[n]`. */
  readonly epsilons?: string
  /** Two .npy files with the lowest and the highest value of each pixel, `[n, c, h, w]`. */
  readonly box?: { readonly lower: string; readonly upper: string }
}

/** A stratified sample. */
export interface SampleSettings {
  /** Number of examples. */
  readonly count: number
  /** Chooses the sample. */
  readonly seed: number
}

/**
 * A reference to data in suites and commands: a built-in id, a pair of .npy files, or a path of a
 * folder of images, an .npz archive, a .parquet table, or a .json description.
 */
export type DatasetReference = DatasetSettings &
  (
    | { readonly id: string }
    | { readonly inputs: string; readonly labels: string }
    | { readonly path: string }
  )

/** What an attacker may do to each image, given with the data: rows follow those of the images. */
export interface GivenLimits {
  /** `[n]`: target classes. */
  readonly targets?: Int32Array
  /** `[n]`: ε. */
  readonly epsilons?: Float64Array
  /** `[n, c, h, w]`: the lowest and the highest value of each pixel. */
  readonly box?: { readonly lower: Float32Array; readonly upper: Float32Array }
}

/** Labeled images. Pixels are in `bounds`; images are `[channels, height, width]`. */
export interface Dataset {
  /**
   * The id of a built-in or described data set; `npy` for a pair of the user's files, `files` for a
   * path.
   */
  readonly id: string
  readonly title: string
  readonly split: Split
  /** True for the embedded procedural set, which is never ranked. */
  readonly toy: boolean
  readonly count: number
  /** Examples of the whole data set: more than `count` for a sample. */
  readonly total: number
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  /** Names of the classes; where nothing names them, the numbers up to the largest label. */
  readonly classNames: readonly string[]
  /** Number of classes, if known. The largest label alone does not tell it. */
  readonly classes: number | undefined
  /** `[count]`, values 0 … classes − 1. */
  readonly labels: Int32Array
  readonly bounds: readonly [low: number, high: number]
  /** `[count]`: the position of each example in the whole data set; absent if it is the row. */
  readonly positions?: Int32Array
  readonly sample?: SampleSettings
  readonly limits?: GivenLimits
  /** Signs of a mistake in the data or in how it is read, in sentences; absent without any. */
  readonly doubts?: readonly string[]
  /** sha256 of pixels, labels, bounds, sample, and limits: the identity of the data in a cell. */
  readonly hash: string
  /** The images at those indices as float32 `[n, c, h, w]` in `bounds`. */
  rows(indices: ArrayLike<number>): FloatTensor
}

/** Ids of data that only its owner has. */
const privateIds: ReadonlySet<string> = new Set(['npy', 'files'])

/** Whether a data set is private: neither published nor described by its owner. */
export function isPrivateData(id: string): boolean {
  return privateIds.has(id)
}
