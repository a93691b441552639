/** What a data set is to the rest of robench: labelled images, counted, hashed, handed out as float32 rows. */
import type { FloatTensor } from '../engine/tensor/tensor.ts'

export type Split = 'train' | 'test'

/** How a suite or a command names its data: a built-in id, or a pair of the user's own .npy files. */
export type DatasetReference =
  | { readonly id: string }
  | { readonly inputs: string; readonly labels: string; readonly title?: string }

/** Labelled images. Pixels are in `bounds`; images are `[channels, height, width]`. */
export interface Dataset {
  /** `cifar10`, `svhn`, `fashion-mnist`, `quickstart`, or `npy` for a user's own files. */
  readonly id: string
  readonly title: string
  readonly split: Split
  /** True for the embedded procedural set: a toy, never ranked. */
  readonly toy: boolean
  readonly count: number
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  readonly classNames: readonly string[]
  /** `[count]`, values 0 … classes − 1. */
  readonly labels: Int32Array
  readonly bounds: readonly [low: number, high: number]
  /** sha256 over pixels and labels: the identity of the data in a cell. */
  readonly hash: string
  /** The images of those indices as float32 `[n, c, h, w]`, in that order; 8-bit pixels become value / 255. */
  rows(indices: ArrayLike<number>): FloatTensor
}
