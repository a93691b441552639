/** Kernels of functions of single elements. */
import { numberOf } from '../operator-call.ts'
import type { Tf, TfTensor } from './backend.ts'
import { input, tfTypes, type Kernel, type KernelCall, type Kernels } from './kernel.ts'
import type { DType } from '../../tensor/tensor.ts'

const unary =
  (compute: (tf: Tf, x: TfTensor, call: KernelCall) => TfTensor): Kernel =>
  (call) =>
    compute(call.tf, input(call, 0), call)

const binary =
  (compute: (tf: Tf, a: TfTensor, b: TfTensor, call: KernelCall) => TfTensor): Kernel =>
  (call) =>
    compute(call.tf, input(call, 0), input(call, 1), call)

const variadic =
  (compute: (tf: Tf, a: TfTensor, b: TfTensor) => TfTensor): Kernel =>
  (call) => {
    const values = call.inputs.map((_, i) => input(call, i))
    return values.length === 1
      ? call.tf.clone(values[0]!)
      : values.reduce((a, b) => compute(call.tf, a, b))
  }

/** Toward zero. */
function truncate(tf: Tf, x: TfTensor): TfTensor {
  return tf.mul(tf.sign(x), tf.floor(tf.abs(x)))
}

/** Elementwise operators, comparisons, and activations. */
export const elementwiseKernels: Kernels = {
  Add: binary((tf, a, b) => tf.add(a, b)),
  Sub: binary((tf, a, b) => tf.sub(a, b)),
  Mul: binary((tf, a, b) => tf.mul(a, b)),
  Div: binary((tf, a, b) => tf.div(a, b)),
  Mod: binary((tf, a, b, { node }) =>
    numberOf(node, 'fmod') === 1 ? tf.sub(a, tf.mul(b, truncate(tf, tf.div(a, b)))) : tf.mod(a, b),
  ),
  Pow: binary((tf, a, b) => tf.pow(a, tf.cast(b, a.dtype))),
  Max: variadic((tf, a, b) => tf.maximum(a, b)),
  Min: variadic((tf, a, b) => tf.minimum(a, b)),
  Sum: variadic((tf, a, b) => tf.add(a, b)),
  Neg: unary((tf, x) => tf.neg(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Log: unary((tf, x) => tf.log(x)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Reciprocal: unary((tf, x) => tf.reciprocal(x)),
  Abs: unary((tf, x) => tf.abs(x)),
  Erf: unary((tf, x) => tf.erf(x)),
  Sign: unary((tf, x) => tf.sign(x)),
  Floor: unary((tf, x) => tf.floor(x)),
  Ceil: unary((tf, x) => tf.ceil(x)),
  Round: unary((tf, x) => tf.round(x)),
  Sin: unary((tf, x) => tf.sin(x)),
  Cos: unary((tf, x) => tf.cos(x)),
  Tan: unary((tf, x) => tf.tan(x)),
  Asin: unary((tf, x) => tf.asin(x)),
  Acos: unary((tf, x) => tf.acos(x)),
  Atan: unary((tf, x) => tf.atan(x)),
  Sinh: unary((tf, x) => tf.sinh(x)),
  Cosh: unary((tf, x) => tf.cosh(x)),
  Asinh: unary((tf, x) => tf.asinh(x)),
  Acosh: unary((tf, x) => tf.acosh(x)),
  Atanh: unary((tf, x) => tf.atanh(x)),
  Identity: unary((tf, x) => tf.clone(x)),
  Dropout: ({ tf, inputs: [x] }) => [tf.clone(x!), tf.equal(x!, x!)],
  Clip: (call) => {
    const [, low, high] = call.inputs
    let x = call.tf.clone(input(call, 0))
    if (low) x = call.tf.maximum(x, low)
    return high ? call.tf.minimum(x, high) : x
  },

  Equal: binary((tf, a, b) => tf.equal(a, b)),
  Greater: binary((tf, a, b) => tf.greater(a, b)),
  GreaterOrEqual: binary((tf, a, b) => tf.greaterEqual(a, b)),
  Less: binary((tf, a, b) => tf.less(a, b)),
  LessOrEqual: binary((tf, a, b) => tf.lessEqual(a, b)),
  And: binary((tf, a, b) => tf.logicalAnd(a, b)),
  Or: binary((tf, a, b) => tf.logicalOr(a, b)),
  Xor: binary((tf, a, b) => tf.logicalXor(a, b)),
  Not: unary((tf, x) => tf.logicalNot(x)),
  IsNaN: unary((tf, x) => tf.isNaN(x)),
  IsInf: unary((tf, x, { node }) => {
    const [negative, positive] = [
      numberOf(node, 'detect_negative'),
      numberOf(node, 'detect_positive'),
    ]
    if (negative === 0) return tf.equal(x, positive === 0 ? Number.NaN : Infinity)
    return positive === 0 ? tf.equal(x, -Infinity) : tf.isInf(x)
  }),
  Where: (call) => call.tf.where(input(call, 0), input(call, 1), input(call, 2)),
  Cast: unary((tf, x, { node }) => {
    const type = tfTypes[node.attributes['to'] as DType]!
    // The back-end `wasm` casts to bool by the first byte.
    return type === 'bool' ? tf.notEqual(x, tf.zerosLike(x)) : tf.cast(x, type)
  }),

  Relu: unary((tf, x) => tf.relu(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Softplus: unary((tf, x) => tf.softplus(x)),
  LeakyRelu: unary((tf, x, { node }) =>
    tf.where(tf.greater(x, 0), x, tf.mul(x, numberOf(node, 'alpha'))),
  ),
  PRelu: binary((tf, x, slope) => tf.where(tf.greater(x, 0), x, tf.mul(x, slope))),
  Elu: unary((tf, x, { node }) => exponential(tf, x, numberOf(node, 'alpha'))),
  Selu: unary((tf, x, { node }) =>
    tf.mul(exponential(tf, x, numberOf(node, 'alpha')), numberOf(node, 'gamma')),
  ),
  Softsign: unary((tf, x) => tf.div(x, tf.add(tf.abs(x), 1))),
  HardSigmoid: unary((tf, x, { node }) =>
    tf.clipByValue(tf.add(tf.mul(x, numberOf(node, 'alpha')), numberOf(node, 'beta')), 0, 1),
  ),
  HardSwish: unary((tf, x) => tf.mul(x, tf.clipByValue(tf.add(tf.div(x, 6), 0.5), 0, 1))),
  ThresholdedRelu: unary((tf, x, { node }) =>
    tf.where(tf.greater(x, numberOf(node, 'alpha')), x, tf.zerosLike(x)),
  ),
  Shrink: unary((tf, x, { node }) => {
    const [bias, lambd] = [numberOf(node, 'bias'), numberOf(node, 'lambd')]
    const low = tf.where(tf.less(x, -lambd), tf.add(x, bias), tf.zerosLike(x))
    return tf.where(tf.greater(x, lambd), tf.sub(x, bias), low)
  }),
}

/** x for x > 0, else α (eˣ − 1). */
function exponential(tf: Tf, x: TfTensor, alpha: number): TfTensor {
  return tf.where(tf.greater(x, 0), x, tf.mul(tf.expm1(tf.minimum(x, 0)), alpha))
}
