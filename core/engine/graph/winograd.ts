/** Convolutions by Winograd's minimal filtering, for sessions on CPUs: onnxruntime's own kernels multiply tap by tap. */
import { g } from './graph.ts'
import { numberOf } from './operator-call.ts'
import { enterBlocked, enterBlockedWith, isBlocked } from './ops/blocked.ts'
import { all, resolveWindow } from './ops/sliding-window.ts'
import { rewrite } from './rewrite.ts'
import type { Node, Value } from './value.ts'

/** Along an axis: outputs of a tile, taps of a kernel, and the products that they take, 6 instead of 4·3. */
const side = 4
const taps = 3
const terms = side + taps - 1

/**
 * Where polynomials are evaluated, beside infinity. The paper's 0, ±1, ±2 make the largest error four
 * times as large and the mean one twice. B and A are exact in float32 with both.
 */
const points = [0, 0.75, -0.75, 1.5, -1.5] as const

/** What a session spends on kernels at most, so that the largest networks still fit into memory several times. */
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

/** An axis of an image, cut into tiles; the last may reach over the edge. */
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
 * Writes convolutions as F(4×4, 3×3) of Lavin and Gray (2016, arXiv:1509.09308) where that is
 * faster: 36 products per tile of 4×4 outputs and pair of channels, where the convolution itself
 * takes 144. Eligible are 3×3 kernels of constants with stride 1 and padding 1, those of gradients
 * included; other nodes stay. For values that are lowered already.
 *
 * Outputs differ by rounding: against float64 by up to 2e-6 of the largest output and 3e-7 in the
 * mean (root of squares; 128 and 512 channels), where onnxruntime's convolution has 3e-7 and 5e-8. A ReLU
 * whose input is that close to 0 may open or close, as it may on another processor.
 *
 * They still do not depend on how many examples a batch has: these are either an outer dimension of
 * matrix products, which sees one of them at a time, or positions of a blocked convolution, of which
 * each adds in the same order. (A product with the examples as rows or columns would not do: for
 * one row onnxruntime adds in another order, and columns of more than 128 terms in blocks that
 * depend on how many columns there are.)
 *
 * A session keeps four times the weights of such a layer, up to 512 MiB: layers that come after that stay as they are.
 */
export function useWinograd(values: readonly Value[]): Value[] {
  let room = kernelBytes
  return rewrite(values, (node, inputs) => {
    if (!isEligible(node) || !pays(node)) return undefined
    const [x, weight, bias] = inputs as readonly [Value, Value, (Value | null)?]
    const [out, inside] = weight.shape as [number, number]
    const bytes = 4 * terms ** 2 * out * inside
    if (bytes > room) return undefined
    room -= bytes
    return [convolve(x, weight, bias ?? null)]
  })
}

function isEligible(node: Node): boolean {
  if (node.op !== 'Conv' || numberOf(node, 'group') !== 1 || !isBlocked(node.outputs[0]!))
    return false
  const [x, weight] = node.inputs as readonly [Value, Value]
  const kernel = weight.shape.slice(2) as number[]
  if (!all(kernel, taps)) return false
  const { strides, dilations, begin, end } = resolveWindow(node, x.shape, kernel)
  return [...strides, ...dilations, ...begin, ...end].every((number) => number === 1)
}

/**
 * Whether enough products are saved for each number that the transforms write and read. By
 * measurement, with one thread of AVX-512 and batches of 16 and 64: images of one tile, which take
 * one matrix product each way, from 80 channels on (at 4×4; a third off at 96 to 160); those of more
 * tiles, which take two and a transpose, from 208 on (a quarter to a third off at 256). Less than
 * that is a matter of caches, and may lose. Batches of 1 are slower by up to a fifth over a network;
 * those of 8 are not.
 */
function pays({ inputs, outputs }: Node): boolean {
  const [out, inside] = inputs[1]!.shape as [number, number]
  const [height, width] = outputs[0]!.shape.slice(2) as [number, number]
  const tiles = tilesOf(height) * tilesOf(width)
  const saved = (taps ** 2 * height * width - terms ** 2 * tiles) * out * inside
  const moved = terms ** 2 * tiles * (out + inside)
  return saved >= moved * (tiles === 1 ? 100 : 300)
}

/** From `[n, c, h, w]` to a blocked `[n, o, h, w]`. */
function convolve(x: Value, weight: Value, bias: Value | null): Value {
  const [out, inside] = weight.shape as [number, number]
  const [rows, columns] = x.shape.slice(2).map((size) => axisOf(size as number)) as [Axis, Axis]
  const image = g.transpose(enterBlocked(g, x), [0, 2, 3, 1])
  const tiles = intoTerms(image, rows, columns, inside)
  // One row of all tiles of all examples; each term has its group of channels.
  const row = g.transpose(g.reshape(tiles, [1, 1, -1, terms ** 2 * inside]), [0, 3, 1, 2])
  const products = g.conv(row, kernelTerms(weight), null, { group: terms ** 2 })
  const y = fromTerms(g.transpose(products, [0, 2, 3, 1]), rows, columns, out)
  return enterBlockedWith(g, g.transpose(y, [0, 3, 1, 2]), bias)
}

/** `[n, h, w, c]` to the terms of each tile: `[n, 36, c]` of one, `[n · tile rows, tile columns, 6, 6 · c]` of several. */
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

/** `[o, c, 3, 3]` to `[36 · o, c, 1, 1]`: an expression of constants, which onnxruntime computes once, at load. */
function kernelTerms(weight: Value): Value {
  const [out, inside] = weight.shape as [number, number]
  const byTap = g.transpose(g.reshape(weight, [out * inside, taps ** 2]), [1, 0])
  const byTerm = g.matMul(constantOf(kronecker(filtering.kernel, filtering.kernel)), byTap)
  return g.reshape(byTerm, [terms ** 2 * out, inside, 1, 1])
}

function tilesOf(size: number): number {
  return Math.ceil(size / side)
}

/** Tile t has outputs 4t to 4t + 3 and inputs 4t − 1 to 4t + 4, where those outside of the image are zeros. */
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
 * The matrices of these points and infinity. G evaluates the kernel, divided by Π (p − q) over the
 * other finite points q; the columns of A are powers of the points; row j of B has the coefficients
 * of Π (z − q) over all finite points but the j-th. At infinity the highest power alone counts.
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
