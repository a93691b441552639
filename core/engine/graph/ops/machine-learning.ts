/** Operators of ai.onnx.ml that scikit-learn's linear models, networks, and scalers are written in. */
import { int64 } from '../../tensor/tensor.ts'
import { defineFunction, float, int, ints, text } from '../operator.ts'
import { inputOf, numberOf, numbersOf, shapeError, textOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { AttributeSpec } from '../operator-call.ts'
import type { Value } from '../value.ts'

const floats: AttributeSpec = { type: 'floats', optional: true }
const strings: AttributeSpec = { type: 'strings', optional: true }

/** (x − offset)·scale per column of x `[n, c]`. */
export const Scaler = defineFunction({
  op: 'ai.onnx.ml.Scaler',
  attributes: { offset: floats, scale: floats },
  body: (g, call) => {
    const x = g.cast(inputOf(call, 0), 'float32')
    const [offset, scale] = ['offset', 'scale'].map((key) => vector(g, numbersOf(call, key)))
    const shifted = offset ? g.sub(x, offset) : x
    return [scale ? g.mul(shifted, scale) : shifted]
  },
  samples: [
    { inputs: [[2, 3]], attributes: { offset: [0.5, -1, 2], scale: [2, 0.5, 0.1] } },
    { inputs: [[2, 3]], attributes: { offset: [0.5], scale: [2] } },
  ],
})

/** Each row of x `[n, c]` divided by its norm: MAX (the largest element), L1, or L2. */
export const Normalizer = defineFunction({
  op: 'ai.onnx.ml.Normalizer',
  attributes: { norm: text('MAX') },
  body: (g, call) => {
    const x = g.cast(inputOf(call, 0), 'float32')
    const axis = x.shape.length - 1
    const kind = textOf(call, 'norm')
    const op = { MAX: 'ReduceMax', L1: 'ReduceL1', L2: 'ReduceL2' }[kind]
    if (!op) throw shapeError(call, `norm "${kind}" is unknown (known: MAX, L1, L2)`)
    const norm = g.op(op, [x, g.integers([axis])], { keepdims: 1 })[0]!
    return [g.div(x, g.where(g.equal(norm, 0), 1, norm))]
  },
  samples: ['MAX', 'L1', 'L2'].map((norm) => ({ inputs: [[3, 4]], attributes: { norm } })),
})

/** Labels `[n]` as positions of classes, and scores `[n, classes]` of x `[n, c]`. */
export const LinearClassifier = defineFunction({
  op: 'ai.onnx.ml.LinearClassifier',
  except: 'not with one row of coefficients for two classes',
  attributes: {
    classlabels_ints: ints(),
    classlabels_strings: strings,
    coefficients: floats,
    intercepts: floats,
    multi_class: int(0),
    post_transform: text('NONE'),
  },
  body: (g, call) => {
    const scores = affine(g, call, numbersOf(call, 'coefficients') ?? [])
    if (scores.shape[1] === 1)
      throw shapeError(call, 'one row of coefficients for two classes is not supported')
    const at = g.op('ArgMax', [scores], { axis: 1, keepdims: 0 })[0]!
    const labels = numbersOf(call, 'classlabels_ints')
    const label = labels ? g.gather(g.constant(int64([labels.length], labels)), at) : at
    return [label, transformed(g, call, scores)]
  },
  samples: ['NONE', 'SOFTMAX', 'LOGISTIC'].map((kind) => ({
    inputs: [[3, 2]],
    attributes: {
      classlabels_ints: [4, 5, 7],
      coefficients: [1, 2, -1, 0.5, 0.3, -2],
      intercepts: [0.1, -0.2, 0.3],
      post_transform: kind,
    },
  })),
})

/** Values `[n, targets]` of x `[n, c]`. */
export const LinearRegressor = defineFunction({
  op: 'ai.onnx.ml.LinearRegressor',
  attributes: {
    coefficients: floats,
    intercepts: floats,
    post_transform: text('NONE'),
    targets: int(1),
  },
  body: (g, call) => {
    const values = affine(g, call, numbersOf(call, 'coefficients') ?? [])
    return [transformed(g, call, values)]
  },
  samples: [
    {
      inputs: [[3, 2]],
      attributes: { coefficients: [1, 2, -1, 0.5], intercepts: [0.1, -0.2], targets: 2 },
    },
  ],
})

/** Replaces one value, usually NaN, by one number per column. */
export const Imputer = defineFunction({
  op: 'ai.onnx.ml.Imputer',
  attributes: {
    imputed_value_floats: floats,
    imputed_value_int64s: ints(),
    replaced_value_float: float(0),
    replaced_value_int64: int(0),
  },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const values = vector(g, numbersOf(call, 'imputed_value_floats'))
    if (!values) throw shapeError(call, 'attribute "imputed_value_floats" is missing')
    const replaced = numberOf(call, 'replaced_value_float')
    const isReplaced = Number.isNaN(replaced) ? g.op('IsNaN', [x])[0]! : g.equal(x, replaced)
    return [g.where(isReplaced, values, x)]
  },
  samples: [
    {
      inputs: [{ shape: [2, 2], values: [1, NaN, NaN, 2] }],
      attributes: { imputed_value_floats: [0.5, 0.25], replaced_value_float: NaN },
    },
  ],
})

/** 1 where x exceeds the threshold, else 0. */
export const Binarizer = defineFunction({
  op: 'ai.onnx.ml.Binarizer',
  attributes: { threshold: float(0) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    return [g.cast(g.greater(x, numberOf(call, 'threshold')), x.dtype)]
  },
  samples: [{ inputs: [[2, 3]], attributes: { threshold: 0.1 } }],
})

/** Columns of the last axis of x, by their positions. */
export const ArrayFeatureExtractor = defineFunction({
  op: 'ai.onnx.ml.ArrayFeatureExtractor',
  attributes: {},
  body: (g, call) => {
    const x = inputOf(call, 0)
    const table = x.shape.length === 1 ? g.unsqueeze(x, [0]) : x
    const at = g.reshape(inputOf(call, 1), [-1])
    return [g.gather(table, at, table.shape.length - 1)]
  },
  samples: [
    { inputs: [[2, 4], { shape: [1, 2], dtype: 'int64', values: [3, 1], constant: true }] },
  ],
})

/** Joins columns. */
export const FeatureVectorizer = defineFunction({
  op: 'ai.onnx.ml.FeatureVectorizer',
  attributes: { inputdimensions: ints() },
  body: (g, call) => [
    g.concat(
      call.inputs.map((value) => g.cast(value!, 'float32')),
      1,
    ),
  ],
  samples: [
    {
      inputs: [
        [2, 3],
        [2, 1],
      ],
      attributes: { inputdimensions: [3, 1] },
    },
  ],
})

function vector(g: Builder, values: readonly number[] | undefined): Value | undefined {
  if (!values || values.length === 0) return undefined
  return g.floats([values.length], values)
}

/** x·coefficientsᵀ + intercepts; coefficients `[rows, c]` in one list. */
function affine(g: Builder, call: Call, coefficients: readonly number[]): Value {
  const x = g.cast(inputOf(call, 0), 'float32')
  const columns = x.shape[1]
  if (x.shape.length !== 2 || typeof columns !== 'number')
    throw shapeError(call, 'expected an input [n, c] with a known number of columns')
  const weight = g.floats([coefficients.length / columns, columns], coefficients)
  return g.gemm(x, weight, vector(g, numbersOf(call, 'intercepts')) ?? null, { transB: 1 })
}

function transformed(g: Builder, call: Call, scores: Value): Value {
  const kind = textOf(call, 'post_transform')
  if (kind === 'NONE') return scores
  if (kind === 'SOFTMAX') return g.softmax(scores)
  if (kind === 'LOGISTIC') return g.sigmoid(scores)
  throw shapeError(call, `post_transform "${kind}" has no derivative rule`)
}
