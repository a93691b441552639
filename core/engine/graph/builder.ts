/** Builds expressions: one method per common operator, and `op` for all. */
import { float32, int64, tensor, type DType, type Tensor } from '../tensor/tensor.ts'
import { newData } from '../onnx/tensor-data.ts'
import { GraphError, didYouMean } from '../../base/errors.ts'
import { multiplyDims, type Dim } from './dim.ts'
import { describe, shapeError, type AttributeSpec, type Call } from './operator-call.ts'
import {
  createNode,
  type Attributes,
  type AttributeValue,
  type Inferred,
  type Value,
} from './value.ts'

/** A value, or a number for a scalar constant of the other operand's type. */
export type Operand = Value | number

/** Attributes of a convolution, with the defaults of ONNX. */
export interface ConvolutionOptions {
  readonly strides?: readonly number[]
  readonly pads?: readonly number[]
  readonly dilations?: readonly number[]
  readonly group?: number
}

/** What the builder must know of an operator. */
export interface OpSignature {
  /** The name in ONNX. */
  readonly op: string
  readonly attributes: Readonly<Record<string, AttributeSpec>>
  /** Shapes and element types of the outputs. @throws GraphError if the inputs do not fit */
  infer(call: Call): readonly Inferred[]
  /**
   * The outputs as an expression of simpler operators, built instead of a node; undefined builds a
   * node.
   */
  body?(g: Builder, call: Call): readonly Value[] | undefined
}

/** Applies operators with shape inference. Stateless: every call creates a new value. */
export class Builder {
  readonly #table: ReadonlyMap<string, OpSignature>

  constructor(table: ReadonlyMap<string, OpSignature>) {
    this.#table = table
  }

  /**
   * Applies an operator by its ONNX name.
   * @throws GraphError for an unknown operator or attribute, or if the shapes do not fit
   */
  op(
    op: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes = {},
    name = '',
  ): readonly Value[] {
    const record = this.#table.get(op)
    if (!record) {
      throw new GraphError(
        'ROBENCH_GRAPH',
        `${describe({ op, name })}: unknown operator` + didYouMean(op, [...this.#table.keys()]),
        { details: { op, node: name } },
      )
    }
    const filled: Record<string, AttributeValue> = {}
    for (const [key, { default: fallback, optional }] of Object.entries(record.attributes)) {
      const value = attributes[key] ?? fallback
      if (value !== undefined) filled[key] = value
      else if (!optional) throw shapeError({ op, name }, `attribute "${key}" is missing`)
    }
    for (const key of Object.keys(attributes)) {
      if (!(key in record.attributes)) {
        throw shapeError(
          { op, name },
          `unknown attribute "${key}" ` +
            `(known: ${Object.keys(record.attributes).join(', ') || 'none'})`,
        )
      }
    }
    const call = { op, name, inputs, attributes: filled }
    const simpler = record.body?.(this, call)
    if (simpler) return simpler
    return createNode(op, name, inputs, filled, record.infer(call)).outputs
  }

  /** A placeholder, fed at run time. */
  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    return createNode('Input', name, [], {}, [{ dtype, shape }]).outputs[0]!
  }

  constant(value: Tensor, name = ''): Value {
    const inferred = [inferConstant(value)]
    return createNode('Constant', name, [], {}, inferred, { tensor: value }).outputs[0]!
  }

  /** A scalar of that type. */
  scalar(value: number, dtype: DType = 'float32'): Value {
    const data = newData(dtype, 1)
    data[0] = dtype === 'int64' || dtype === 'uint64' ? BigInt(value) : value
    return this.constant(tensor(dtype, [], data))
  }

  /** A float32 constant. */
  floats(shape: readonly number[], values: readonly number[]): Value {
    return this.constant(float32(shape, values))
  }

  /** An int64 vector: a shape, or axes. */
  integers(values: readonly number[]): Value {
    return this.constant(int64([values.length], values))
  }

  add(a: Operand, b: Operand): Value {
    return this.#binary('Add', a, b)
  }
  sub(a: Operand, b: Operand): Value {
    return this.#binary('Sub', a, b)
  }
  mul(a: Operand, b: Operand): Value {
    return this.#binary('Mul', a, b)
  }
  div(a: Operand, b: Operand): Value {
    return this.#binary('Div', a, b)
  }
  pow(a: Operand, b: Operand): Value {
    return this.#binary('Pow', a, b)
  }
  min(a: Operand, b: Operand): Value {
    return this.#binary('Min', a, b)
  }
  max(a: Operand, b: Operand): Value {
    return this.#binary('Max', a, b)
  }
  greater(a: Operand, b: Operand): Value {
    return this.#binary('Greater', a, b)
  }
  less(a: Operand, b: Operand): Value {
    return this.#binary('Less', a, b)
  }
  equal(a: Operand, b: Operand): Value {
    return this.#binary('Equal', a, b)
  }
  and(a: Value, b: Value): Value {
    return this.#unary('And', [a, b])
  }
  not(x: Value): Value {
    return this.#unary('Not', [x])
  }
  neg(x: Value): Value {
    return this.#unary('Neg', [x])
  }
  exp(x: Value): Value {
    return this.#unary('Exp', [x])
  }
  log(x: Value): Value {
    return this.#unary('Log', [x])
  }
  sqrt(x: Value): Value {
    return this.#unary('Sqrt', [x])
  }
  abs(x: Value): Value {
    return this.#unary('Abs', [x])
  }
  sign(x: Value): Value {
    return this.#unary('Sign', [x])
  }
  relu(x: Value): Value {
    return this.#unary('Relu', [x])
  }
  sigmoid(x: Value): Value {
    return this.#unary('Sigmoid', [x])
  }
  tanh(x: Value): Value {
    return this.#unary('Tanh', [x])
  }
  softmax(x: Value, axis = -1): Value {
    return this.#unary('Softmax', [x], { axis })
  }
  logSoftmax(x: Value, axis = -1): Value {
    return this.#unary('LogSoftmax', [x], { axis })
  }
  clip(x: Value, low: number, high: number): Value {
    return this.#unary('Clip', [x, this.scalar(low, x.dtype), this.scalar(high, x.dtype)])
  }
  where(condition: Value, a: Operand, b: Operand): Value {
    const [left, right] = this.#pair(a, b)
    return this.#unary('Where', [condition, left, right])
  }
  cast(x: Value, to: DType): Value {
    return x.dtype === to ? x : this.#unary('Cast', [x], { to })
  }

  conv(
    x: Value,
    weight: Value,
    bias: Value | null = null,
    options: ConvolutionOptions = {},
  ): Value {
    return this.#unary('Conv', bias ? [x, weight, bias] : [x, weight], { ...options })
  }
  convTranspose(
    x: Value,
    weight: Value,
    options: ConvolutionOptions & { readonly output_padding?: readonly number[] } = {},
  ): Value {
    return this.#unary('ConvTranspose', [x, weight], { ...options })
  }
  globalAveragePool(x: Value): Value {
    return this.#unary('GlobalAveragePool', [x])
  }
  matMul(a: Value, b: Value): Value {
    return this.#unary('MatMul', [a, b])
  }
  gemm(
    a: Value,
    b: Value,
    c: Value | null,
    options: { readonly transA?: number; readonly transB?: number } = {},
  ): Value {
    return this.#unary('Gemm', c ? [a, b, c] : [a, b], { ...options })
  }

  reduceSum(x: Value, axes: readonly number[], keepdims = false): Value {
    return this.#reduce('ReduceSum', x, axes, keepdims)
  }
  reduceMean(x: Value, axes: readonly number[], keepdims = false): Value {
    return this.#reduce('ReduceMean', x, axes, keepdims)
  }
  reduceMax(x: Value, axes: readonly number[], keepdims = false): Value {
    return this.#reduce('ReduceMax', x, axes, keepdims)
  }
  reduceSumSquare(x: Value, axes: readonly number[], keepdims = false): Value {
    return this.#reduce('ReduceSumSquare', x, axes, keepdims)
  }

  /** @param shape numbers; −1 for the remaining elements */
  reshape(x: Value, shape: readonly number[]): Value {
    return this.#unary('Reshape', [x, this.integers(shape)])
  }
  /** x in the shape of another value, whose sizes may be unknown until run time. */
  reshapeLike(x: Value, like: Value): Value {
    const sizes = constantShape(like.shape)
    return sizes ? this.reshape(x, sizes) : this.#unary('Reshape', [x, this.shape(like)])
  }
  /** x broadcast to the shape of another value. */
  expandLike(x: Value, like: Value): Value {
    return this.#unary('Expand', [x, this.shape(like)])
  }
  /** The sizes of x; a constant if all are known. */
  shape(x: Value): Value {
    if (x.shape.every((dim) => typeof dim === 'number')) return this.integers(x.shape)
    return this.#unary('Shape', [x])
  }
  transpose(x: Value, perm: readonly number[]): Value {
    return this.#unary('Transpose', [x], { perm })
  }
  squeeze(x: Value, axes: readonly number[]): Value {
    return this.#unary('Squeeze', [x, this.integers(axes)])
  }
  unsqueeze(x: Value, axes: readonly number[]): Value {
    return this.#unary('Unsqueeze', [x, this.integers(axes)])
  }
  concat(parts: readonly Value[], axis: number): Value {
    return parts.length === 1 ? parts[0]! : this.#unary('Concat', parts, { axis })
  }
  slice(
    x: Value,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps?: readonly number[],
  ): Value {
    const inputs = [x, this.integers(starts), this.integers(ends), this.integers(axes)]
    return this.#unary('Slice', steps ? [...inputs, this.integers(steps)] : inputs)
  }
  /** Zero padding. `pads` as in ONNX: all beginnings, then all ends; negative values crop. */
  pad(x: Value, pads: readonly number[]): Value {
    return pads.every((pad) => pad === 0) ? x : this.#unary('Pad', [x, this.integers(pads)])
  }
  gather(x: Value, indices: Value, axis = 0): Value {
    return this.#unary('Gather', [x, indices], { axis })
  }
  /** Zeros in the shape of x. */
  zerosLike(x: Value): Value {
    return this.expandLike(this.scalar(0, x.dtype), x)
  }

  #unary(op: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.op(op, inputs, attributes)[0]!
  }

  #reduce(op: string, x: Value, axes: readonly number[], keepdims: boolean): Value {
    return this.#unary(op, [x, this.integers(axes)], { keepdims: keepdims ? 1 : 0 })
  }

  #binary(op: string, a: Operand, b: Operand): Value {
    const [left, right] = this.#pair(a, b)
    return this.#unary(op, [left, right])
  }

  #pair(a: Operand, b: Operand): [Value, Value] {
    if (typeof a !== 'number') return [a, typeof b === 'number' ? this.scalar(b, a.dtype) : b]
    return typeof b === 'number' ? [this.scalar(a), this.scalar(b)] : [this.scalar(a, b.dtype), b]
  }
}

/**
 * A shape as a constant for Reshape, with −1 for its one symbolic size; undefined if it has
 * several.
 */
export function constantShape(shape: readonly Dim[]): number[] | undefined {
  if (shape.filter((dim) => typeof dim === 'string').length > 1) return undefined
  if (shape.includes(0)) return undefined
  return shape.map((dim) => (typeof dim === 'string' ? -1 : dim))
}

/** The number of elements of a shape. */
export function elementsOf(shape: readonly Dim[]): Dim {
  return multiplyDims(shape)
}

/** Small integer constants include their contents, which may be sizes. */
function inferConstant(value: Tensor): Inferred {
  const { dtype, shape, data } = value
  const isSize = (dtype === 'int64' || dtype === 'int32') && data.length <= 64 && shape.length <= 1
  return isSize ? { dtype, shape, contents: Array.from(data, Number) } : { dtype, shape }
}
