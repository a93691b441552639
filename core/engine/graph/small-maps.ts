/** Convolutions of images that are smaller than their kernels, as products of matrices. */
import { g } from './graph.ts'
import { numberOf } from './operator-call.ts'
import { enterBlockedWith, isBlocked } from './ops/blocked.ts'
import { resolveWindow, type SlidingWindow } from './ops/sliding-window.ts'
import type { Node, Value } from './value.ts'

/** Below this number of kernels, the product is too small to gain. */
const leastKernels = 64 ** 2

/** A convolution that is better computed as a product of matrices. */
export interface DenseConvolution {
  readonly window: SlidingWindow
  /** Memory of the matrix. */
  readonly bytes: number
}

/**
 * Whether most taps of a convolution with a constant kernel fall into the padding, as those of a 3×3
 * kernel on 2×2 pixels: 16 products of a pair of channels instead of 36, and in a larger matrix.
 */
export function denseSizes(node: Node): DenseConvolution | undefined {
  if (node.op !== 'Conv' || !isBlocked(node.outputs[0]!)) return undefined
  const [x, weight] = node.inputs as readonly [Value, Value]
  const [out, inside, ...kernel] = weight.shape as [number, number, ...number[]]
  if (numberOf(node, 'group') !== 1 || out * inside < leastKernels) return undefined
  if (area(kernel) === 1) return undefined
  const window = resolveWindow(node, x.shape, kernel)
  const [pixels, results] = [area(window.input), area(window.output)]
  if (pixels >= area(kernel)) return undefined
  return { window, bytes: 4 * out * inside * pixels * results }
}

/**
 * From `[n, c, h, w]` to a blocked `[n, o, h, w]`. Examples are the positions of a convolution with
 * one tap, whose sums do not depend on their number.
 */
export function convolveDensely(
  x: Value,
  weight: Value,
  bias: Value | null,
  { window }: DenseConvolution,
): Value {
  const [out, inside] = weight.shape as [number, number]
  const pixels = area(window.input)
  const rows = g.reshape(x, [1, 1, -1, inside * pixels])
  const matrix = denseKernel(weight, window)
  const products = g.conv(g.transpose(rows, [0, 3, 1, 2]), matrix, null)
  const y = g.reshape(g.transpose(products, [0, 2, 3, 1]), [-1, out, ...window.output])
  return enterBlockedWith(g, y, bias)
}

/** The kernel `[o, c, …]` as a matrix `[o · positions, c · pixels, 1, 1]`. */
function denseKernel(weight: Value, window: SlidingWindow): Value {
  const [out, inside, ...kernel] = weight.shape as [number, number, ...number[]]
  const taps = area(kernel)
  const none = g.pad(g.reshape(weight, [out, inside, taps]), [0, 0, 0, 0, 0, 1])
  const indices = positionsOf(window.output).flatMap((position) =>
    positionsOf(window.input).map((pixel) => tapOf(position, pixel, window) ?? taps),
  )
  const [pixels, results] = [area(window.input), area(window.output)]
  const gathered = g.gather(none, g.integers(indices), 2)
  const apart = g.reshape(gathered, [out, inside, results, pixels])
  return g.reshape(g.transpose(apart, [0, 2, 1, 3]), [out * results, inside * pixels, 1, 1])
}

/** The index of the tap with which a position of the output reads a pixel. */
function tapOf(
  position: readonly number[],
  pixel: readonly number[],
  { kernel, strides, dilations, begin }: SlidingWindow,
): number | undefined {
  let index = 0
  for (const [axis, size] of kernel.entries()) {
    const distance = pixel[axis]! + begin[axis]! - position[axis]! * strides[axis]!
    const tap = distance / dilations[axis]!
    if (!Number.isInteger(tap) || tap < 0 || tap >= size) return undefined
    index = index * size + tap
  }
  return index
}

function positionsOf(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (found, size) =>
      found.flatMap((start) => Array.from({ length: size }, (_, i) => [...start, i])),
    [[]],
  )
}

function area(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1)
}
