/**
 * Graphs whose kernels are inputs, such as those of training, in onnxruntime's blocked layout.
 * onnxruntime itself uses that layout for constant kernels only, and is up to three times slower
 * without it.
 */
import {
  b,
  blockedConv,
  blockedOps,
  enter,
  exit,
  exitChannelsLast,
  isExit,
  packKernel,
  type BlockedConvolution,
} from './blocked-operators.ts'
import { blockedKernelGradient } from './blocked-kernel-gradient.ts'
import { numberOf, numbersOf } from './operator-call.ts'
import { blockedMask, isConstant, shiftedColumns } from './ops/blocked.ts'
import { ConvKernelGradient, kernelGradientWindow } from './ops/convolution.ts'
import { all, resolveWindow } from './ops/sliding-window.ts'
import { countUses, isUsedOnce, rewrite } from './rewrite.ts'
import type { Node, Value } from './value.ts'
import { blockedWinograd } from './winograd.ts'

/** Operators of one or two values of equal shape that do not depend on the order of elements. */
const elementwise = new Set(['Add', 'Mul', 'Sub', 'Relu', 'Sigmoid', 'Tanh', 'Neg', 'Abs', 'Sqrt'])

/** Operators that `useBlockedKernels` replaces before they are lowered. */
export const keptOperators: readonly string[] = ['ConvKernelGradient']

/** Whether a graph contains convolutions whose kernels depend on inputs. */
export function hasInputKernels(order: readonly Node[]): boolean {
  return order.some((node) => node.op === 'Conv' && !isConstant(node.inputs[1]!.node))
}

/**
 * Replaces convolutions with kernels that depend on inputs, their kernel gradients, and the
 * operators between them by blocked ones; lowered values except for `keptOperators`. A value stays
 * in the layout until an operator needs the plain one.
 *
 * Outputs differ by rounding. The derivative of a ReLU is a product with 0 or 1, so that an
 * infinite gradient becomes NaN instead of 0.
 * @param block channels per block
 */
export function useBlockedKernels(values: readonly Value[], block: number): Value[] {
  const rules = new BlockedRules(block, countUses(values))
  return rewrite(values, (node, inputs) => rules.visit(node, inputs))
}

class BlockedRules {
  readonly #block: number
  /** In the original graph. */
  readonly #uses: ReadonlyMap<Value, number>
  readonly #averages = new Map<Value, Value>()
  readonly #masks = new Map<Value, Value>()
  readonly #products = new Map<Value, Map<Value, Value>>()

  constructor(block: number, uses: ReadonlyMap<Value, number>) {
    this.#block = block
    this.#uses = uses
  }

  /** The new outputs of a node, or undefined to keep it. */
  visit(node: Node, inputs: readonly (Value | null)[]): readonly Value[] | undefined {
    const result = this.#replace(node, inputs)
    return result && [result]
  }

  #replace(node: Node, inputs: readonly (Value | null)[]): Value | undefined {
    const [x] = inputs
    switch (node.op) {
      case 'Conv':
        return this.#convolution(node, inputs)
      case 'ConvKernelGradient':
        return this.#kernelGradient(node, inputs)
      case 'BatchNormalization':
        return x && isExit(x) ? normalization(node, inputs) : undefined
      case 'Relu':
        return x && isExit(x) ? this.#relu(node, x) : undefined
      case 'Add':
        return this.#add(node, inputs)
      case 'Where':
        return this.#maskedGradient(inputs)
      case 'GlobalAveragePool':
        // The layouts of [n, c, 1, 1] are the same.
        return x && isExit(x) ? this.#average(blockedOf(x)) : undefined
      case 'ReduceMean':
      case 'ReduceSum':
      case 'ReduceSumSquare':
        return x && isExit(x) ? this.#reduction(node, inputs) : undefined
      case 'Transpose':
        return numbersOf(node, 'perm')?.join() === '0,2,3,1' && x?.node.op === blockedOps.exit
          ? exitChannelsLast(blockedOf(x), numberOf(x.node, 'channels'))
          : undefined
      default:
        return this.#elementwise(node, inputs)
    }
  }

  #convolution(node: Node, inputs: readonly (Value | null)[]): Value | undefined {
    const [x, kernel, bias] = inputs as readonly [Value, Value, (Value | null)?]
    if (isConstant(node.inputs[1]!.node) || kernel.shape.length !== 4) return undefined
    if (numberOf(node, 'group') !== 1 || x.dtype !== 'float32') return undefined
    const [out, inside] = kernel.shape as [number, number]
    if (inside % this.#block !== 0 && inside >= this.#block) return undefined
    const { strides, dilations, begin, end } = resolveWindow(
      node,
      x.shape,
      kernel.shape.slice(2) as number[],
    )
    const options = { strides, dilations, pads: [...begin, ...end] }
    if (out % this.#block === 0) {
      const filtered = this.#filtered(node, x, kernel, bias ?? null)
      return exit(filtered ?? this.#conv(x, kernel, bias ?? null, options))
    }
    if (bias) return undefined
    if (2 * out >= this.#block) return exit(this.#conv(x, kernel, null, options), out)
    return this.#columns(x, kernel, options)
  }

  /** By minimal filtering where that is faster. */
  #filtered(node: Node, x: Value, kernel: Value, bias: Value | null): Value | undefined {
    if ((kernel.shape[1] as number) % this.#block !== 0) return undefined
    const y = blockedWinograd(node, enter(x), kernel, this.#block)
    if (!y || !bias) return y
    const channels = kernel.shape[0] as number
    const ones = b.floats([channels, 1, 1, 1], Array<number>(channels).fill(1))
    return blockedConv(y, ones, bias, null, { group: channels })
  }

  /** Pads the output channels to whole blocks. */
  #conv(x: Value, kernel: Value, bias: Value | null, options: BlockedConvolution): Value {
    const [out, inside] = kernel.shape as [number, number]
    const missing = -out & (this.#block - 1)
    const whole = b.pad(kernel, [0, 0, 0, 0, missing, 0, 0, 0])
    const source = inside % this.#block === 0 ? enter(x) : x
    return blockedConv(source, packKernel(whole, this.#block), bias, null, options)
  }

  /** A convolution with few output channels: see `convolveColumns`. */
  #columns(x: Value, kernel: Value, options: BlockedConvolution): Value | undefined {
    const { strides, dilations, pads } = options
    const [out, , , width] = kernel.shape as [number, number, number, number]
    const columns = (x.shape[3] as number) + pads![1]! + pads![3]! - width + 1
    const rows = (x.shape[2] as number) + pads![0]! + pads![2]! - (kernel.shape[2] as number) + 1
    const together = [8, 4, 2].find((count) => count * out <= this.#block && columns % count === 0)
    if (!together || !all([...strides!, ...dilations!], 1)) return undefined
    const y = this.#conv(x, shiftedColumns(b, kernel, together), null, {
      pads: pads!,
      strides: [1, together],
    })
    const image = b.reshape(exitChannelsLast(y, together * out), [0, rows, columns, out])
    return b.transpose(image, [0, 3, 1, 2])
  }

  #kernelGradient(node: Node, inputs: readonly (Value | null)[]): Value {
    const [x, dy] = inputs as readonly [Value, Value]
    const fits = numberOf(node, 'group') === 1 && x.dtype === 'float32'
    const window = kernelGradientWindow(node)
    const gradient = fits ? blockedKernelGradient(x, dy, window, this.#block) : undefined
    return gradient ?? ConvKernelGradient.lower!(b, { ...node, inputs })![0]!
  }

  #relu(node: Node, x: Value): Value {
    const source = blockedOf(x)
    if (!this.#isOpen(node, 0, x)) return exit(b.relu(source))
    const [image, kernel, bias, sum] = source.node.inputs
    const options = { ...source.node.attributes, activation: 'Relu' } as const
    return exit(blockedConv(image!, kernel!, bias ?? null, sum ?? null, options))
  }

  /** A convolution adds its result to the other operand. */
  #add(node: Node, inputs: readonly (Value | null)[]): Value | undefined {
    const pair = blockedPair(inputs as readonly [Value, Value], this.#block)
    if (!pair) return undefined
    for (const place of [1, 0] as const) {
      const operand = inputs[place]!
      if (!this.#isOpen(node, place, operand)) continue
      const { inputs: own, attributes } = blockedOf(operand).node
      if (own[3]) continue
      return exit(blockedConv(own[0]!, own[1]!, own[2] ?? null, pair[1 - place]!, attributes))
    }
    return exit(b.add(...pair))
  }

  /** Whether an operand is a blocked convolution without activation that nothing else uses. */
  #isOpen(node: Node, place: number, operand: Value): boolean {
    if (!isExit(operand)) return false
    const { op, attributes } = blockedOf(operand).node
    const isConv = op === blockedOps.conv && attributes['activation'] === undefined
    return isConv && isUsedOnce(node.inputs[place]!, this.#uses)
  }

  /** The gradient dy of a ReLU with output y: `where(cast(y), dy, 0)`. */
  #maskedGradient(inputs: readonly (Value | null)[]): Value | undefined {
    const [condition, dy, zero] = inputs as readonly [Value, Value, Value]
    const y = condition.node.inputs[0]
    if (condition.node.op !== 'Cast' || !y || !isExit(y) || !isZero(zero)) return undefined
    const source = blockedOf(y)
    const isRelu = source.node.op === 'Relu' || source.node.attributes['activation'] === 'Relu'
    if (!isRelu || !sameShape(y, dy)) return undefined
    const mask = memoized(this.#masks, source, () => blockedMask(b, source))
    return exit(b.mul(enter(dy), mask))
  }

  #elementwise(node: Node, inputs: readonly (Value | null)[]): Value | undefined {
    if (!elementwise.has(node.op) || !inputs.every((input) => input && isExit(input)))
      return undefined
    if (!inputs.every((input) => sameShape(input!, inputs[0]!))) return undefined
    return exit(
      b.op(
        node.op,
        inputs.map((input) => blockedOf(input!)),
        node.attributes,
      )[0]!,
    )
  }

  /** Per channel, over examples and positions. */
  #reduction(node: Node, inputs: readonly (Value | null)[]): Value | undefined {
    const [x, axes] = inputs as readonly [Value, Value]
    const [n, channels, height, width] = x.shape
    if (!isSized(height) || !isSized(width) || axes?.contents?.join() !== '0,2,3') return undefined
    const source = blockedOf(x)
    // A product that is needed anyway is summed in one pass over it.
    const isProduct = source.node.op === 'Mul' && this.#uses.get(node.inputs[0]!) === 1
    const total =
      node.op === 'ReduceMean'
        ? b.reduceMean(this.#average(source), [0, 2, 3])
        : isSized(n) && node.op === 'ReduceSumSquare'
          ? this.#sumOfProducts(source, source)
          : isSized(n) && node.op === 'ReduceSum' && isProduct
            ? this.#sumOfProducts(source.node.inputs[0]!, source.node.inputs[1]!)
            : node.op === 'ReduceSum'
              ? b.mul(b.reduceSum(this.#average(source), [0, 2, 3]), height * width)
              : undefined
    if (!total || numberOf(node, 'keepdims') === 0) return total
    return b.reshape(total, [1, channels as number, 1, 1])
  }

  #sumOfProducts(x: Value, y: Value): Value {
    const known = this.#products.get(x) ?? new Map<Value, Value>()
    this.#products.set(x, known)
    return memoized(known, y, () => sumOfProducts(x, y))
  }

  /** The mean over positions, `[n, c, 1, 1]`. */
  #average(source: Value): Value {
    return memoized(this.#averages, source, () => b.op(blockedOps.average, [source])[0]!)
  }
}

/** scale·(x − mean)/√(variance + ε) + bias as a depthwise convolution. */
function normalization(node: Node, inputs: readonly (Value | null)[]): Value {
  const [x, scale, bias, mean, variance] = inputs as readonly Value[]
  const slope = b.div(scale!, b.sqrt(b.add(variance!, numberOf(node, 'epsilon'))))
  const offset = b.sub(bias!, b.mul(mean!, slope))
  const channels = x!.shape[1] as number
  const kernel = b.reshape(slope, [channels, 1, 1, 1])
  return exit(blockedConv(blockedOf(x!), kernel, offset, null, { group: channels }))
}

/**
 * Σ x·y per channel as a depthwise convolution of x with the kernel y, with a group for every
 * channel of every example: `[c]`.
 */
function sumOfProducts(x: Value, y: Value): Value {
  const [n, channels, height, width] = x.shape as [number, number, number, number]
  const image = b.reshape(x, [1, n * channels, height, width])
  const kernel = b.reshape(y, [n * channels, 1, height, width])
  const products = blockedConv(image, kernel, null, null, { group: n * channels })
  return b.reduceSum(b.reshape(products, [n, channels]), [0])
}

function blockedOf(value: Value): Value {
  return value.node.inputs[0]!
}

/** Both operands blocked, if at least one is and the other has the same shape. */
function blockedPair(
  [x, y]: readonly [Value, Value],
  block: number,
): readonly [Value, Value] | undefined {
  if (!isExit(x) && !isExit(y)) return undefined
  if (!sameShape(x, y) || (x.shape[1] as number) % block !== 0) return undefined
  return [enter(x), enter(y)]
}

function sameShape(x: Value, y: Value): boolean {
  return x.shape.length === y.shape.length && x.shape.every((dim, i) => dim === y.shape[i])
}

function isZero({ node }: Value): boolean {
  return node.tensor?.data.length === 1 && Number(node.tensor.data[0]) === 0
}

function isSized(dim: unknown): dim is number {
  return typeof dim === 'number'
}

function memoized(known: Map<Value, Value>, key: Value, make: () => Value): Value {
  const found = known.get(key) ?? make()
  known.set(key, found)
  return found
}
