/** The gradient of a convolution's kernel as a blocked convolution. */
import { b, blockedConv, enter, exit, exitChannelsLast, isExit } from './blocked-operators.ts'
import type { SlidingWindow } from './ops/sliding-window.ts'
import type { Value } from './value.ts'

/** The largest part of the kernel of the convolution below that its inner loop reads again. */
const cachedBytes = 2 ** 19
/** onnxruntime computes that many blocks of output channels together. */
const blocksTogether = 4

/**
 * The gradient of the kernel `[o, c, kh, kw]` from the input x `[n, c, h, w]` and the gradient dy
 * `[n, o, h′, w′]` of the output. It is a convolution of x with the kernel dy: examples are the
 * input channels, c is part of the width, and the strides become dilations. With x as one image
 * `[n, h, w·c]`, output (i, j·c + k) is Σ x[n, s·p + i, (s·q + j)·c + k]·dy[n, p, q] over the
 * examples and positions (p, q), hence tap (i, j) of channel k.
 *
 * Rows of dy are split so that the part of an inner loop stays in the cache.
 * @returns undefined where sizes are not multiples of the block
 */
export function blockedKernelGradient(
  x: Value,
  dy: Value,
  window: SlidingWindow,
  block: number,
): Value | undefined {
  const { kernel, strides, dilations, begin, input, output } = window
  const [n, channels] = x.shape as [number, number]
  const out = dy.shape[1] as number
  if (typeof n !== 'number' || n % block !== 0 || out % block !== 0) return undefined
  if (kernel.length !== 2) return undefined
  const [height, width] = input as [number, number]
  const [kh, kw] = kernel as [number, number]
  const [rows, columns] = output as [number, number]
  const [strideY, strideX] = strides as [number, number]
  const [dilationY, dilationX] = dilations as [number, number]
  // Examples innermost: a reordering of [1, n, everything else].
  const flat = b.reshape(channelsLast(x, block), [1, n, height * width * channels, 1])
  const examplesLast = b.reshape(enter(flat), [n / block, height, width, channels * block])
  const slopes = b.reshape(enter(dy), [n / block, block, out / block, rows, columns * block])
  const parts = splitRows(rows, columns, out, block)
  const wide = strideX * (columns - 1) + dilationX * (kw - 1) + 1
  let sum: Value | null = null
  for (let part = 0; part < parts; part++) {
    const first = (part * rows) / parts
    const count = rows / parts
    const top = strideY * first - begin[0]!
    const high = strideY * (count - 1) + dilationY * (kh - 1) + 1
    const cut = b.pad(examplesLast, [
      0,
      -top,
      begin[1]!,
      0,
      0,
      top + high - height,
      wide - width - begin[1]!,
      0,
    ])
    const image = b.reshape(cut, [1, n, high, wide * channels])
    const used = parts === 1 ? slopes : b.slice(slopes, [first], [first + count], [3])
    const apart = b.reshape(used, [n / block, block, out / block, count * columns, block])
    const packed = b.reshape(b.transpose(apart, [2, 0, 3, 1, 4]), [out, n, count, columns])
    // Outputs between the taps of a dilated kernel are skipped along the height, and cut below.
    sum = blockedConv(image, packed, null, sum, {
      strides: [dilationY, 1],
      dilations: [strideY, strideX * channels],
    })
  }
  const taps = b.reshape(sum!, [out / block, kh, dilationX * (kw - 1) + 1, channels, block])
  const chosen = dilationX === 1 ? taps : b.slice(taps, [0], [2 ** 31], [2], [dilationX])
  const ordered = b.transpose(chosen, [0, 3, 1, 2, 4])
  return b.reshape(exit(b.reshape(ordered, [1, out, channels * kh * kw, 1])), [
    out,
    channels,
    kh,
    kw,
  ])
}

/** `[n, h, w, c]`, in some shape with that order of elements. */
function channelsLast(x: Value, block: number): Value {
  if (!isExit(x)) return b.transpose(x, [0, 2, 3, 1])
  const source = x.node.inputs[0]!
  // The layouts of a single block are the same.
  return x.shape[1] === block ? source : exitChannelsLast(source)
}

/** The smallest number of equal parts in which each fits into the cache. */
function splitRows(rows: number, columns: number, out: number, block: number): number {
  const perRow = 4 * block * Math.min(out, blocksTogether * block) * columns
  for (let parts = 1; parts < rows; parts++)
    if (rows % parts === 0 && (rows / parts) * perRow <= cachedBytes) return parts
  return rows
}
