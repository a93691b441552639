/** Largest elements, one-hot vectors, ranges, and element counts. */
import { newData } from '../../onnx/tensor-data.ts'
import { tensor, type DType } from '../../tensor/tensor.ts'
import { multiplyDims } from '../dim.ts'
import { defineOp, given, int, since, type SampleInput } from '../operator.ts'
import { axisOf, contentsOf, inputOf, numberOf, shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

const scalar = (value: number, dtype: DType = 'int64'): SampleInput => ({
  shape: [],
  dtype,
  values: [value],
  constant: true,
})

/** The k largest (or smallest) elements along an axis, and their indices. */
export const TopK = defineOp({
  op: 'TopK',
  attributes: { axis: int(-1), largest: int(1), sorted: int(1) },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const at = axisOf(call, numberOf(call, 'axis'), shape.length)
    const [count] = contentsOf(call, 1, 'the number of elements')
    const chosen = shape.map((dim, axis) => (axis === at ? count! : dim))
    return [
      { dtype, shape: chosen },
      { dtype: 'int64', shape: chosen },
    ]
  },
  // The adjoint adds each gradient to its origin.
  vjp: (g, call, [dy]) => {
    if (!dy) return [null, null]
    const added = { axis: numberOf(call, 'axis'), reduction: 'add' }
    const zeros = g.zerosLike(inputOf(call, 0))
    return [g.op('ScatterElements', [zeros, call.outputs[1]!, dy], added)[0]!, null]
  },
  // Before opset 10 the number was an attribute.
  upgrade: (g, call, opset) => {
    if (opset >= 10) return call
    const { k, ...attributes } = call.attributes
    return { inputs: [inputOf(call, 0), g.integers([Number(k)])], attributes }
  },
  samples: [
    { inputs: [{ shape: [2, 5], low: -20, high: 20 }, given(3)] },
    {
      inputs: [{ shape: [4, 2], low: -20, high: 20 }, given(2)],
      attributes: { axis: 0, largest: 0 },
    },
  ],
})

/** values[1] at the index along a new axis, else values[0]. */
export const OneHot = defineOp({
  op: 'OneHot',
  attributes: { axis: int(-1) },
  infer: (call) => {
    const { shape } = inputOf(call, 0)
    const axis = axisOf(call, numberOf(call, 'axis'), shape.length + 1)
    const [depth] = contentsOf(call, 1, 'the depth')
    const { dtype } = inputOf(call, 2)
    return [{ dtype, shape: [...shape.slice(0, axis), depth!, ...shape.slice(axis)] }]
  },
  vjp: (g, call, [dy]) => {
    const [at, depth, values] = [inputOf(call, 0), inputOf(call, 1), inputOf(call, 2)]
    const zeroOne = g.cast(g.floats([2], [0, 1]), values.dtype)
    const [hot] = g.op('OneHot', [at, depth, zeroOne], call.attributes)
    const axes = dy!.shape.map((_, axis) => axis)
    const total = (value: Value): Value => g.reshape(g.reduceSum(value, axes), [1])
    return [null, null, g.concat([total(g.mul(dy!, g.sub(1, hot!))), total(g.mul(dy!, hot!))], 0)]
  },
  opsets: since(9),
  samples: [
    { inputs: [{ shape: [3], dtype: 'int64', values: [2, 0, -1] }, scalar(4), [2]] },
    {
      inputs: [{ shape: [2, 2], dtype: 'int64', values: [0, 1, 2, 9] }, given(3), [2]],
      attributes: { axis: 1 },
    },
  ],
})

/** start, start + delta, … before the limit: a constant, or the indices of a symbolic size. */
export const Range = defineOp({
  op: 'Range',
  attributes: {},
  infer: (call) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => inputOf(call, i))
    const size = limit!.contents?.[0]
    if (start!.contents?.[0] !== 0 || delta!.contents?.[0] !== 1 || size === undefined) {
      throw shapeError(call, 'start, limit and delta must be known before the run')
    }
    return [{ dtype: limit!.dtype, shape: [size] }]
  },
  body: rangeOf,
  vjp: 'zero',
  opsets: since(11),
  samples: [
    { inputs: [scalar(0), scalar(4), scalar(1)] },
    { inputs: [scalar(5), scalar(-2), scalar(-3)] },
    { inputs: [scalar(0.5, 'float32'), scalar(2, 'float32'), scalar(0.4, 'float32')] },
  ],
})

/** The number of elements. */
export const Size = defineOp({
  op: 'Size',
  attributes: {},
  infer: (call) => [
    { dtype: 'int64', shape: [], contents: [multiplyDims(inputOf(call, 0).shape)] },
  ],
  vjp: 'zero',
  samples: [{ inputs: [[2, 3]] }],
})

function rangeOf(g: Builder, call: Call): readonly Value[] | undefined {
  const bounds = [0, 1, 2].map((i) => numberIn(inputOf(call, i)))
  const [start, limit, delta] = bounds
  if (start === undefined || limit === undefined || delta === undefined) return undefined
  if (delta === 0) throw shapeError(call, 'delta must not be 0')
  const { dtype } = inputOf(call, 0)
  const length = Math.max(0, Math.ceil((limit - start) / delta))
  const data = newData(dtype, length)
  for (let i = 0; i < length; i++) {
    const value = start + i * delta
    data[i] = dtype === 'int64' || dtype === 'uint64' ? BigInt(value) : value
  }
  return [g.constant(tensor(dtype, [length], data))]
}

/** The number in a scalar that is known before the run. */
function numberIn({ contents, node }: Value): number | undefined {
  const [known] = contents ?? []
  if (typeof known === 'number') return known
  const element = node.tensor?.data[0]
  return element === undefined ? undefined : Number(element)
}
