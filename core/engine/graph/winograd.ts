/**
 * Convolutions by Winograd's minimal filtering in CPU sessions, where onnxruntime's own kernels
 * multiply tap by tap.
 */
import {
  b,
  blockedConv,
  enterChannelsLast,
  exitChannelsLast,
  partsOfKernel,
} from './blocked-operators.ts'
import { g } from './graph.ts'
import { numberOf } from './operator-call.ts'
import { enterBlocked, enterBlockedWith, isBlocked } from './ops/blocked.ts'
import { all, resolveWindow } from './ops/sliding-window.ts'
import { rewrite } from './rewrite.ts'
import type { Node, Value } from './value.ts'
import { convolveDensely, denseSizes } from './small-maps.ts'

/**
 * Along one axis: outputs per tile and taps per kernel. They take `terms` = 6 products instead of
 * 4·3.
 */
const side = 4
const taps = 3
const terms = side + taps - 1

/**
 * The finite evaluation points; infinity is the sixth. The paper's 0, ±1, ±2 have four times the
 * largest and twice the mean error. A and B are exact in float32 with both.
 */
const points = [0, 0.75, -0.75, 1.5, -1.5] as const

/**
 * The memory limit for the kernels of a session, so that the largest networks fit in memory several
 * times.
 */
const kernelBytes = 2 ** 29

type Matrix = readonly (readonly number[])[]

/** Four outputs A·[(G·k) ⊙ (B·x)] of six inputs x and a kernel k. */
interface Filtering {
  /** B, `[terms, terms]`. */
  readonly input: Matrix
  /** G, `[terms, taps]`. */
  readonly kernel: Matrix
  /** A, `[side, terms]`. */
  readonly output: Matrix
}

/** An axis of an image in tiles; the last may extend beyond the edge. */
interface Axis {
  readonly size: number
  readonly tiles: number
  /** B for all tiles: `[tiles · terms, size]`. */
  readonly into: Matrix
  /** A for all tiles: `[size, tiles · terms]`. */
  readonly back: Matrix
}

const filtering = toomCook(points)

/**
 * Replaces convolutions by F(4×4, 3×3) where that is faster: 36 products per tile of 4×4 outputs
 * and pair of channels instead of 144. Applies to constant 3×3 kernels with stride 1 and padding 1,
 * in gradients too, of lowered values.
 *
 * Outputs differ by rounding: compared with float64 by up to 2e-6 of the largest output and 3e-7
 * root mean square (128 and 512 channels); onnxruntime's convolution by 3e-7 and 5e-8. A ReLU whose
 * input is that close to 0 may switch, as it may on another processor.
 *
 * Outputs do not depend on the batch size: examples are an outer dimension of matrix products,
 * which compute one at a time, or positions of a blocked convolution, which adds in the same order
 * for each. (Products with examples as rows or columns would depend on it: onnxruntime adds in
 * another order for a single row, and adds columns of more than 128 terms in blocks that depend on
 * the number of columns.)
 *
 * A session uses four times the memory of the weights of such layers, up to 512 MiB; the layers
 * after that are unchanged.
 * @see Lavin, Gray 2016, "Fast algorithms for convolutional neural networks", arXiv:1509.09308
 */
export function useWinograd(values: readonly Value[]): Value[] {
  let available = kernelBytes
  return rewrite(values, (node, inputs) => {
    const [x, weight, bias] = inputs as readonly [Value, Value, (Value | null)?]
    const dense = denseSizes(node)
    if (dense && dense.bytes <= available) {
      available -= dense.bytes
      return [convolveDensely(x, weight, bias ?? null, dense)]
    }
    if (!isEligible(node) || !isFaster(node)) return undefined
    const [out, inside] = weight.shape as [number, number]
    const bytes = 4 * terms ** 2 * out * inside
    if (bytes > available) return undefined
    available -= bytes
    return [convolve(x, weight, bias ?? null)]
  })
}

function isEligible(node: Node): boolean {
  return node.op === 'Conv' && isBlocked(node.outputs[0]!) && isFiltered(node)
}

/** Whether a convolution has a 3×3 kernel, stride 1 and padding 1. */
function isFiltered(node: Node): boolean {
  if (numberOf(node, 'group') !== 1) return false
  const [x, weight] = node.inputs as readonly [Value, Value]
  const kernel = weight.shape.slice(2) as number[]
  if (!all(kernel, taps)) return false
  const { strides, dilations, begin, end } = resolveWindow(node, x.shape, kernel)
  return [...strides, ...dilations, ...begin, ...end].every((number) => number === 1)
}

/**
 * Whether the saved products outweigh the numbers that the transforms read and write. Measured with
 * one thread of AVX-512 and batches of 16 and 64: images of one tile, with one matrix product each
 * way, gain from 80 channels on (at 4×4; 1/3 at 96 to 160); images of several tiles, with two
 * products and a transpose, gain from 208 channels on (1/4 to 1/3 at 256). Below that it depends on
 * caches and may be slower. Over a network, batches of 1 are up to 1/5 slower; batches of 8 are
 * not.
 */
function isFaster({ inputs, outputs }: Node): boolean {
  const [out, inside] = inputs[1]!.shape as [number, number]
  const [height, width] = outputs[0]!.shape.slice(2) as [number, number]
  const tiles = tilesOf(height) * tilesOf(width)
  const saved = (taps ** 2 * height * width - terms ** 2 * tiles) * out * inside
  const moved = terms ** 2 * tiles * (out + inside)
  return saved >= moved * (tiles === 1 ? 100 : 300)
}

/**
 * The same for a kernel that depends on inputs, from a blocked x `[n, c, h, w]` to a blocked `[n,
 * o, h, w]`, by explicit blocked operators.
 * @param conv the application of Conv
 * @returns undefined where a plain convolution is faster or the only one
 */
export function blockedWinograd(
  conv: Node,
  x: Value,
  weight: Value,
  block: number,
): Value | undefined {
  const [out, inside] = weight.shape as [number, number]
  if (inside % block !== 0 || !isFiltered(conv) || !isFaster(conv)) return undefined
  const [rows, columns] = x.shape.slice(2).map((size) => axisOf(size as number)) as [Axis, Axis]
  const tiles = intoTerms(exitChannelsLast(x), rows, columns, inside)
  const row = enterChannelsLast(b.reshape(tiles, [1, 1, -1, terms ** 2 * inside]))
  const kernel = packedKernelTerms(weight, block)
  const products = blockedConv(row, kernel, null, null, { group: terms ** 2 })
  return enterChannelsLast(fromTerms(exitChannelsLast(products), rows, columns, out))
}

/** `kernelTerms` in the order of a blocked convolution. */
function packedKernelTerms(weight: Value, block: number): Value {
  const [out, inside] = weight.shape as [number, number]
  const parts = b.transpose(partsOfKernel(weight, block), [3, 0, 1, 2, 4])
  const byTap = b.reshape(parts, [taps ** 2, out * inside])
  const byTerm = b.matMul(constantOf(kronecker(filtering.kernel, filtering.kernel)), byTap)
  return b.reshape(byTerm, [terms ** 2 * out, inside, 1, 1])
}

/** From `[n, c, h, w]` to a blocked `[n, o, h, w]`. */
function convolve(x: Value, weight: Value, bias: Value | null): Value {
  const [out, inside] = weight.shape as [number, number]
  const [rows, columns] = x.shape.slice(2).map((size) => axisOf(size as number)) as [Axis, Axis]
  const image = g.transpose(enterBlocked(g, x), [0, 2, 3, 1])
  const tiles = intoTerms(image, rows, columns, inside)
  // One row with all tiles of all examples; each term is a group of channels.
  const row = g.transpose(g.reshape(tiles, [1, 1, -1, terms ** 2 * inside]), [0, 3, 1, 2])
  const products = g.conv(row, kernelTerms(weight), null, { group: terms ** 2 })
  const y = fromTerms(g.transpose(products, [0, 2, 3, 1]), rows, columns, out)
  return enterBlockedWith(g, g.transpose(y, [0, 3, 1, 2]), bias)
}

/**
 * `[n, h, w, c]` to the terms of each tile: `[n, 36, c]` for one tile, `[n · tile rows, tile
 * columns, 6, 6 · c]` for several.
 */
function intoTerms(image: Value, rows: Axis, columns: Axis, channels: number): Value {
  if (rows.tiles * columns.tiles === 1) {
    const pixels = g.reshape(image, [-1, rows.size * columns.size, channels])
    return g.matMul(constantOf(kronecker(rows.into, columns.into)), pixels)
  }
  const high = g.reshape(image, [-1, rows.size, columns.size * channels])
  const wide = g.reshape(g.matMul(constantOf(rows.into), high), [-1, columns.size, channels])
  return swapTerms(g.matMul(constantOf(columns.into), wide), [terms, columns.tiles], channels)
}

/** The terms of each tile, in the same order, to `[n, h, w, c]`. */
function fromTerms(products: Value, rows: Axis, columns: Axis, channels: number): Value {
  const shape = [-1, rows.size, columns.size, channels]
  if (rows.tiles * columns.tiles === 1) {
    const tile = g.reshape(products, [-1, terms ** 2, channels])
    return g.reshape(g.matMul(constantOf(kronecker(rows.back, columns.back)), tile), shape)
  }
  const apart = swapTerms(products, [columns.tiles, terms], channels)
  const wide = g.reshape(apart, [-1, columns.tiles * terms, channels])
  const high = g.reshape(g.matMul(constantOf(columns.back), wide), [
    -1,
    rows.tiles * terms,
    columns.size * channels,
  ])
  return g.reshape(g.matMul(constantOf(rows.back), high), shape)
}

/** `[…, a, b, 6 · c]` to `[…, b, a, 6 · c]`. */
function swapTerms(x: Value, [a, b]: readonly [number, number], channels: number): Value {
  return g.transpose(g.reshape(x, [-1, a, b, terms * channels]), [0, 2, 1, 3])
}

/**
 * `[o, c, 3, 3]` to `[36 · o, c, 1, 1]`: a constant expression, which onnxruntime computes once,
 * when it loads the graph.
 */
function kernelTerms(weight: Value): Value {
  const [out, inside] = weight.shape as [number, number]
  const byTap = g.reshape(weight, [out * inside, taps ** 2])
  const matrix = constantOf(kronecker(filtering.kernel, filtering.kernel))
  const byTerm = g.gemm(matrix, byTap, null, { transB: 1 })
  return g.reshape(byTerm, [terms ** 2 * out, inside, 1, 1])
}

function tilesOf(size: number): number {
  return Math.ceil(size / side)
}

/** Tile t has outputs 4t to 4t + 3 and inputs 4t − 1 to 4t + 4; inputs outside the image are 0. */
function axisOf(size: number): Axis {
  const tiles = tilesOf(size)
  const starts = Array.from({ length: tiles }, (_, tile) => tile * side)
  const positions = Array.from({ length: size }, (_, position) => position)
  const none = Array.from({ length: terms }, () => 0)
  return {
    size,
    tiles,
    into: starts.flatMap((start) =>
      filtering.input.map((row) => positions.map((position) => row[position - start + 1] ?? 0)),
    ),
    back: positions.map((position) =>
      starts.flatMap((start) => filtering.output[position - start] ?? none),
    ),
  }
}

/**
 * The matrices of Toom and Cook for these points and infinity. G evaluates the kernel, divided by Π
 * (p − q) over the other finite points q. The columns of A are powers of the points. Row j of B has
 * the coefficients of Π (z − q) over all finite points except the j-th. At infinity only the
 * highest power counts.
 */
function toomCook(finite: readonly number[]): Filtering {
  const othersOf = (p: number): number[] => finite.filter((q) => q !== p)
  const atInfinity = (count: number): number[] => [...Array<number>(count - 1).fill(0), 1]
  const columns = [...finite.map((p) => powers(p, side)), atInfinity(side)]
  return {
    input: [...finite.map((p) => withRoots(othersOf(p))), withRoots(finite)],
    kernel: [
      ...finite.map((p) => {
        const divisor = othersOf(p).reduce((product, q) => product * (p - q), 1)
        return powers(p, taps).map((power) => power / divisor)
      }),
      atInfinity(taps),
    ],
    output: Array.from({ length: side }, (_, i) => columns.map((column) => column[i]!)),
  }
}

function powers(p: number, count: number): number[] {
  return Array.from({ length: count }, (_, exponent) => p ** exponent)
}

/** The coefficients of Π (z − root), lowest first, `terms` of them. */
function withRoots(roots: readonly number[]): number[] {
  const product = roots.reduce<readonly number[]>(
    (factor, root) => [...factor, 0].map((c, k) => (factor[k - 1] ?? 0) - root * c),
    [1],
  )
  return [...product, ...Array<number>(terms - product.length).fill(0)]
}

function kronecker(a: Matrix, b: Matrix): Matrix {
  return a.flatMap((left) => b.map((right) => left.flatMap((x) => right.map((y) => x * y))))
}

function constantOf(matrix: Matrix): Value {
  return g.floats([matrix.length, matrix[0]!.length], matrix.flat())
}
