/** The data set interface: labeled images with a hash, read as float32 rows. */
import type { FloatTensor } from '../engine/tensor/tensor.ts'

/** A part of a data set. */
export type Split = 'train' | 'test'

/** A reference to data in suites and commands: a built-in id, or a pair of .npy files. */
export type DatasetReference =
  | { readonly id: string }
  | { readonly inputs: string; readonly labels: string; readonly title?: string }

/** Labeled images. Pixels are in `bounds`; images are `[channels, height, width]`. */
export interface Dataset {
  /** `cifar10`, `svhn`, `fashion-mnist`, `quickstart`, or `npy` for the user's files. */
  readonly id: string
  readonly title: string
  readonly split: Split
  /** True for the embedded procedural set, which is never ranked. */
  readonly toy: boolean
  readonly count: number
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  readonly classNames: readonly string[]
  /** `[count]`, values 0 … classes − 1. */
  readonly labels: Int32Array
  readonly bounds: readonly [low: number, high: number]
  /** sha256 of pixels and labels: the identity of the data in a cell. */
  readonly hash: string
  /** The images at those indices as float32 `[n, c, h, w]`; 8-bit pixels become value / 255. */
  rows(indices: ArrayLike<number>): FloatTensor
}
