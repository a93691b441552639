/**
 * Rounding, comparison and selection: operators without useful derivatives, and their surrogates
 * for straight-through estimates.
 * @see Bengio, Léonard, Courville 2013, arXiv:1308.3432
 * @see Hubara, Courbariaux, Soudry, El-Yaniv, Bengio 2016, arXiv:1602.02830, eq. 4 (clipping)
 */
import { blockedMask, enterBlocked, isBlocked, maskBelow } from './blocked.ts'
import { broadcastAll, combine, isFloat } from './elementwise.ts'
import {
  defineFunction,
  defineOp,
  int,
  since,
  text,
  type DerivativeRule,
  type OpRecord,
} from '../operator.ts'
import { inputOf, textOf } from '../operator-call.ts'
import type { Dim } from '../dim.ts'
import type { Builder } from '../builder.ts'
import type { DType } from '../../tensor/tensor.ts'
import type { Value } from '../value.ts'

/** Surrogate: the derivative of clip(x, −1, 1). */
export const Sign = rounding('Sign', (g, x, dy) => passNear(g, x, dy, 1))
/** Surrogate: the derivative of x, as for `Ceil` and `Round`. */
export const Floor = rounding('Floor', (_g, _x, dy) => dy)
export const Ceil = rounding('Ceil', (_g, _x, dy) => dy)
export const Round = rounding('Round', (_g, _x, dy) => dy)

export const Where = defineOp({
  op: 'Where',
  attributes: {},
  infer: (call) => {
    const contents = chooseContents(inputOf(call, 0), inputOf(call, 1), inputOf(call, 2))
    return [
      { dtype: inputOf(call, 1).dtype, shape: broadcastAll(call), ...(contents && { contents }) },
    ]
  },
  vjp: (g, { inputs: [condition], wanted }, [dy]) => [
    null,
    wanted[1] ? g.where(condition!, dy!, 0) : null,
    wanted[2] ? g.where(condition!, 0, dy!) : null,
  ],
  // A selection between constants is a two-valued number y = b + c·(a − b). Otherwise the gradients
  // of the branches are more useful.
  surrogate: (g, call, outputGradients) => {
    const { inputs, wanted } = call
    const [condition, a, b] = inputs as readonly Value[]
    const [dy] = outputGradients
    if (wanted[1] || wanted[2]) {
      return [
        null,
        wanted[1] ? g.where(condition!, dy!, 0) : null,
        wanted[2] ? g.where(condition!, 0, dy!) : null,
      ]
    }
    return [g.mul(dy!, g.sub(g.cast(a!, dy!.dtype), g.cast(b!, dy!.dtype))), null, null]
  },
  // The gradient of a ReLU between convolutions: a product with a mask stays in the blocked layout.
  lower: (g, call) => {
    const [condition, kept, other] = call.inputs as readonly Value[]
    if (other!.node.tensor?.data[0] !== 0 || other!.shape.length > 0) return undefined
    const [source, limit] = condition!.node.inputs
    if (!source || !isBlocked(source)) return undefined
    if (source.node.op === 'Clip') {
      const mask = clipMask(g, condition!.node.op, source, Number(limit?.node.tensor?.data[0]))
      return mask && [g.mul(mask, enterBlocked(g, kept!))]
    }
    const pooled = source.node.op === 'MaxPool' ? source.node.inputs[0]! : source
    if (condition!.node.op !== 'Cast' || pooled.node.op !== 'Relu') return undefined
    return [g.mul(blockedMask(g, source), enterBlocked(g, kept!))]
  },
  samples: [
    { inputs: [{ shape: [2, 3], dtype: 'bool', values: [1, 0, 1, 0, 0, 1] }, [2, 3], [3]] },
  ],
})

/** The mask y > 0 or y < limit of a clip, in the blocked layout; undefined for other conditions. */
function clipMask(g: Builder, op: string, y: Value, limit: number): Value | undefined {
  if (op === 'Greater' && limit === 0) return blockedMask(g, y)
  return op === 'Less' && limit > 0 ? maskBelow(g, y, limit) : undefined
}

export const Cast = defineOp({
  op: 'Cast',
  attributes: { to: { type: 'dtype' } },
  infer: (call) => {
    const x = inputOf(call, 0)
    const dtype = textOf(call, 'to') as DType
    const keeps = x.contents && (dtype === 'int64' || dtype === 'int32')
    return [{ dtype, shape: x.shape, ...(keeps && { contents: x.contents }) }]
  },
  vjp: (g, { inputs: [x] }, [dy]) => [isFloat(x!.dtype) ? g.cast(dy!, x!.dtype) : null],
  // Truncation is rounding. Whether a number is nonzero has no useful direction.
  surrogate: (g, { inputs: [x], attributes }, [dy]) => [
    attributes['to'] === 'bool' ? null : isFloat(x!.dtype) ? g.cast(dy!, x!.dtype) : dy!,
  ],
  // Since opsets 19 and 24, for types of 8 bits only.
  upgrade: (_g, call) => {
    const { saturate: _saturate, round_mode: _mode, ...attributes } = call.attributes
    return { ...call, attributes }
  },
  samples: [{ inputs: [[2, 3]], attributes: { to: 'float64' } }],
})

/** Input 0 in the type of input 1. */
export const CastLike = defineFunction({
  op: 'CastLike',
  attributes: { saturate: int(1), round_mode: text('up') },
  body: (g, call) => [g.cast(inputOf(call, 0), inputOf(call, 1).dtype)],
  opsets: since(15),
  samples: [{ inputs: [[2, 3], { shape: [1], dtype: 'float64', values: [0] }] }],
})

export const IsNaN = defineOp({
  op: 'IsNaN',
  attributes: {},
  infer: (call) => [{ dtype: 'bool', shape: inputOf(call, 0).shape }],
  vjp: 'zero',
  opsets: since(9),
  samples: [{ inputs: [{ shape: [3], values: [1, NaN, Infinity] }] }],
})

export const IsInf = defineOp({
  op: 'IsInf',
  attributes: { detect_negative: int(1), detect_positive: int(1) },
  infer: (call) => [{ dtype: 'bool', shape: inputOf(call, 0).shape }],
  vjp: 'zero',
  opsets: since(10),
  samples: [
    {
      inputs: [{ shape: [4], values: [1, NaN, Infinity, -Infinity] }],
      attributes: { detect_negative: 0 },
    },
  ],
})

/** The surrogate of a comparison of a and b: that of (1 + sign(a − b)) / 2. */
export const Greater = comparison('Greater', { surrogate: step(1) })
export const GreaterOrEqual = comparison('GreaterOrEqual', { surrogate: step(1) })
export const Less = comparison('Less', { surrogate: step(-1) })
export const LessOrEqual = comparison('LessOrEqual', { surrogate: step(-1) })
export const Equal = comparison('Equal')
export const And = comparison('And', { dtype: 'bool' })
export const Or = comparison('Or', { dtype: 'bool' })
export const Xor = comparison('Xor', { dtype: 'bool' })

export const Not = defineOp({
  op: 'Not',
  attributes: {},
  infer: (call) => [{ dtype: 'bool', shape: inputOf(call, 0).shape }],
  vjp: 'zero',
  surrogate: (g, _call, [dy]) => [g.neg(dy!)],
  samples: [{ inputs: [{ shape: [3], dtype: 'bool', values: [1, 0, 1] }] }],
})

function rounding(op: string, surrogate: (g: Builder, x: Value, dy: Value) => Value): OpRecord {
  return defineOp({
    op,
    attributes: {},
    infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
    vjp: 'zero',
    surrogate: (g, { inputs: [x] }, [dy]) => [surrogate(g, x!, dy!)],
    samples: [{ inputs: [[2, 3]] }],
  })
}

/** slope·dy where |x| ≤ 1, else 0. */
function passNear(g: Builder, x: Value, dy: Value, slope: number): Value {
  return g.where(g.greater(g.abs(x), 1), 0, slope === 1 ? dy : g.mul(dy, slope))
}

function step(direction: 1 | -1): DerivativeRule {
  return (g, { inputs: [a, b], wanted }, [dy]) => {
    const difference = g.sub(g.cast(a!, dy!.dtype), g.cast(b!, dy!.dtype))
    const da = passNear(g, difference, dy!, direction / 2)
    return [a!, b!].map((value, i) => {
      if (!wanted[i]) return null
      const part = i === 0 ? da : g.neg(da)
      return isFloat(value.dtype) ? g.cast(part, value.dtype) : part
    })
  }
}

function comparison(
  op: string,
  { dtype = 'float32', surrogate }: { dtype?: DType; surrogate?: DerivativeRule } = {},
): OpRecord {
  const values = [1, 0, 1, 0, 0, 1]
  return defineOp({
    op,
    attributes: {},
    infer: (call) => {
      const contents =
        op === 'Equal' ? combine(inputOf(call, 0), inputOf(call, 1), equalSizes) : undefined
      return [{ dtype: 'bool', shape: broadcastAll(call), ...(contents && { contents }) }]
    },
    vjp: 'zero',
    ...(surrogate && { surrogate }),
    samples: [
      {
        inputs: [
          { shape: [2, 3], dtype, values },
          { shape: [3], dtype, values: [1, 0, 0] },
        ],
      },
    ],
  })
}

/** A selection between sizes that are known before the run. */
function chooseContents(choice: Value, a: Value, b: Value): Dim[] | undefined {
  if ([choice, a, b].some(({ shape }) => shape.length > 1)) return undefined
  const length = Math.max(...[choice, a, b].map((value) => value.contents?.length ?? 0))
  const at = (value: Value, i: number): Dim | undefined =>
    value.contents?.[value.contents.length === 1 ? 0 : i]
  const chosen = Array.from({ length }, (_, i) => {
    const isFirst = at(choice, i)
    return isFirst === undefined ? undefined : at(isFirst ? a : b, i)
  })
  const contents = chosen.filter((item) => item !== undefined)
  return length > 0 && contents.length === length ? contents : undefined
}

/** 1 or 0; undefined if unknown. A symbol is a size, so it is not negative. */
function equalSizes(a: Dim, b: Dim): Dim | undefined {
  if (typeof a === typeof b) return a === b ? 1 : typeof a === 'number' ? 0 : undefined
  return Number(typeof a === 'number' ? a : b) < 0 ? 0 : undefined
}
