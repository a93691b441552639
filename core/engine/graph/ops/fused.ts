/**
 * Operators of the domain com.microsoft that onnxruntime's optimizer writes for layers with their
 * bias, sum, and activation.
 */
import { defineFunction, float, int, ints, text } from '../operator.ts'
import { inputOf, numberOf, shapeError, textOf, type Call } from '../operator-call.ts'
import type { SampleInput } from '../operator.ts'
import type { Builder } from '../builder.ts'
import type { Attributes, Value } from '../value.ts'

const convolution = {
  auto_pad: text('NOTSET'),
  dilations: ints(),
  group: int(1),
  kernel_shape: ints(),
  pads: ints(),
  strides: ints(),
}

/** Values that keep activations away from 0, where they are not differentiable. */
const positive = (shape: readonly number[]): SampleInput => ({ shape, low: 0.2, high: 1 })

/** activation(Conv(x, w, b) + z); x, w, b, and z are the inputs. */
export const FusedConv = defineFunction({
  op: 'com.microsoft.FusedConv',
  attributes: {
    ...convolution,
    activation: text(''),
    activation_params: { type: 'floats', optional: true },
  },
  body: (g, call) => {
    const { activation: _activation, activation_params: given, ...attributes } = call.attributes
    const [x, weight, bias, sum] = call.inputs
    const inputs = bias ? [x!, weight!, bias] : [x!, weight!]
    const convolved = g.op('Conv', inputs, attributes, call.name)[0]!
    const y = sum ? g.add(convolved, sum) : convolved
    const parameters = Array.isArray(given) ? (given as readonly number[]) : []
    return [activate(g, call, y, textOf(call, 'activation'), parameters)]
  },
  samples: [
    {
      inputs: [positive([2, 3, 5, 5]), positive([4, 3, 3, 3]), [4]],
      attributes: { activation: 'Relu', pads: [1, 1, 1, 1] },
    },
    {
      inputs: [[1, 2, 4, 4], [2, 2, 2, 2], [2], [1, 2, 3, 3]],
      attributes: { activation: 'Tanh' },
    },
    {
      inputs: [[1, 2, 4, 4], [2, 2, 2, 2], [2]],
      attributes: { activation: 'LeakyRelu', activation_params: [0.1] },
    },
    {
      inputs: [[1, 2, 4, 4], [2, 2, 2, 2], [2]],
      attributes: { activation: 'Clip', activation_params: [0, 6] },
    },
    {
      inputs: [[1, 2, 4, 4], [2, 2, 2, 2], [2]],
      attributes: { activation: 'HardSigmoid', activation_params: [0.1, 0.4] },
    },
  ],
})

const product = { alpha: float(1), transA: int(0), transB: int(0) }

/** activation(Gemm(a, b, c)). */
export const FusedGemm = defineFunction({
  op: 'com.microsoft.FusedGemm',
  attributes: {
    ...product,
    beta: float(1),
    activation: text(''),
    activation_alpha: float(),
    activation_beta: float(),
    activation_gamma: float(),
  },
  body: (g, call) => {
    const { alpha, beta, transA, transB, ...rest } = call.attributes
    const y = g.op('Gemm', call.inputs, {
      alpha: alpha!,
      beta: beta!,
      transA: transA!,
      transB: transB!,
    })
    const parameters = ['activation_alpha', 'activation_beta', 'activation_gamma'].flatMap((key) =>
      typeof rest[key] === 'number' ? [rest[key]] : [],
    )
    return [activate(g, call, y[0]!, textOf(call, 'activation'), parameters)]
  },
  samples: [
    {
      inputs: [[2, 3], [4, 3], [4]],
      attributes: { activation: 'Relu', transB: 1 },
    },
    {
      inputs: [[3, 2], [3, 4], [4]],
      attributes: { activation: 'LeakyRelu', activation_alpha: 0.2, transA: 1, alpha: 0.5 },
    },
  ],
})

/** α·A′B′, where ′ optionally exchanges the last two axes, or the batch axes with the last but one. */
export const FusedMatMul = defineFunction({
  op: 'com.microsoft.FusedMatMul',
  attributes: { ...product, transBatchA: int(0), transBatchB: int(0) },
  body: (g, call) => {
    const a = arranged(g, inputOf(call, 0), numberOf(call, 'transA'), numberOf(call, 'transBatchA'))
    const b = arranged(g, inputOf(call, 1), numberOf(call, 'transB'), numberOf(call, 'transBatchB'))
    const alpha = numberOf(call, 'alpha')
    const y = g.matMul(a, b)
    return [alpha === 1 ? y : g.mul(y, alpha)]
  },
  samples: [
    {
      inputs: [
        [2, 3, 4],
        [2, 5, 4],
      ],
      attributes: { transB: 1, alpha: 0.5 },
    },
    {
      inputs: [
        [2, 4, 3],
        [4, 5],
      ],
      attributes: { transA: 1 },
    },
  ],
})

/** The predecessor of FusedMatMul. */
export const TransposeMatMul = defineFunction({
  op: 'com.microsoft.TransposeMatMul',
  attributes: product,
  body: (g, call) => g.op('com.microsoft.FusedMatMul', call.inputs, call.attributes),
  samples: [
    {
      inputs: [
        [2, 3, 4],
        [2, 5, 4],
      ],
      attributes: { transB: 1, alpha: 0.5 },
    },
  ],
})

/** Zero channels added, so that their number is a multiple. Written by `withoutBlockedLayout`. */
export const PadChannels = defineFunction({
  op: 'robench.PadChannels',
  attributes: { multiple: { type: 'int' } },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const channels = x.shape[1]
    if (typeof channels !== 'number')
      throw shapeError(call, 'the number of channels must be known before the run')
    const multiple = numberOf(call, 'multiple')
    const extra = Math.ceil(channels / multiple) * multiple - channels
    return [g.pad(x, [0, 0, 0, 0, 0, extra, 0, 0])]
  },
  samples: [{ inputs: [[1, 3, 2, 2]], attributes: { multiple: 4 } }],
})

/** An activation by its name and its parameters in onnxruntime's order. */
function activate(
  g: Builder,
  call: Call,
  x: Value,
  activation: string,
  parameters: readonly number[],
): Value {
  const [first, second] = parameters
  const parameterNames: Readonly<Record<string, readonly string[]>> = {
    Relu: [],
    Tanh: [],
    Sigmoid: [],
    Softplus: [],
    Softsign: [],
    LeakyRelu: ['alpha'],
    ThresholdedRelu: ['alpha'],
    Elu: ['alpha'],
    HardSigmoid: ['alpha', 'beta'],
    HardSwish: [],
  }
  if (activation === '') return x
  if (activation === 'Clip') return g.clip(x, first ?? -Infinity, second ?? Infinity)
  const names = parameterNames[activation]
  if (!names) throw shapeError(call, `the activation "${activation}" is not supported`)
  const attributes: Attributes = Object.fromEntries(
    names.flatMap((name, i) => (parameters[i] === undefined ? [] : [[name, parameters[i]]])),
  )
  return g.op(activation, [x], attributes)[0]!
}

function arranged(g: Builder, x: Value, transposed: number, batchTransposed: number): Value {
  if (!transposed && !batchTransposed) return x
  const axes = x.shape.map((_, axis) => axis)
  const rank = axes.length
  // [batch…, m, k] is stored as [m, batch…, k].
  const perm = batchTransposed ? [...axes.slice(1, rank - 1), 0, rank - 1] : axes
  if (transposed) perm.push(...perm.splice(rank - 2).toReversed())
  return g.transpose(x, perm)
}
