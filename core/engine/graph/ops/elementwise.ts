/** Elementwise operators with broadcasting: arithmetic and smooth functions. */
import { joinPadded } from './padding.ts'
import { addPolyphase } from './polyphase.ts'
import { broadcastShapes, divideDims, formatShape, multiplyDims, type Dim } from '../dim.ts'
import { defineFunction, defineOp, int, since, type OpRecord, type Sample } from '../operator.ts'
import { describe, inputOf, shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { DType } from '../../tensor/tensor.ts'
import type { Inferred, Value } from '../value.ts'

const anyPair: readonly Sample[] = [
  {
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },
  {
    inputs: [
      [2, 3, 4],
      [3, 1],
    ],
  },
  { inputs: [[1], [4, 2]] },
]
const positive = (shape: readonly number[]): Sample['inputs'][number] => ({
  shape,
  low: 0.5,
  high: 2,
})

export const Add = defineOp({
  ...arithmetic(
    'Add',
    anyPair,
    (_g, _call, dy) => [dy, dy],
    (a, b) => whole(a, b, (x, y) => x + y),
  ),
  lower: (g, { inputs: [a, b] }) => {
    const sum = addPolyphase(g, a!, b!) ?? joinPadded(g, a!, b!)
    return sum && [sum]
  },
})
export const Sub = arithmetic(
  'Sub',
  anyPair,
  (g, _call, dy) => [dy, g.neg(dy)],
  (a, b) => whole(a, b, (x, y) => x - y),
)
/** d(a·b) = b·da + a·db. */
export const Mul = arithmetic(
  'Mul',
  anyPair,
  (g, { inputs: [a, b], wanted }, dy) => [
    wanted[0] ? g.mul(dy, b!) : null,
    wanted[1] ? g.mul(dy, a!) : null,
  ],
  (a, b) => multiplyDims([a, b]),
)
/** d(a/b) = da/b − a/b² db. */
export const Div = arithmetic(
  'Div',
  [{ inputs: [[2, 3], positive([2, 3])] }, { inputs: [[2, 3], positive([1])] }],
  (g, { inputs: [, b], outputs: [y], wanted }, dy) => {
    const da = g.div(dy, b!)
    return [da, wanted[1] ? g.neg(g.mul(da, y!)) : null]
  },
  (a, b) => divideDims(a, b) ?? whole(a, b, (x, y) => Math.trunc(x / y)),
)
/** The remainder a − b·q: q = ⌊a/b⌋ for integers, and trunc(a/b) with `fmod`. */
export const Mod = defineOp({
  ...arithmetic(
    'Mod',
    [],
    (g, { inputs: [a, b], outputs: [y], wanted }, dy) => {
      const quotient = (): Value => g.op('Round', [g.div(g.sub(a!, y!), b!)])[0]!
      return [dy, wanted[1] ? g.neg(g.mul(dy, quotient())) : null]
    },
    (a, b) => whole(a, b, (x, y) => x - y * Math.floor(x / y)),
  ),
  attributes: { fmod: int(0) },
  opsets: since(10),
  samples: [
    { inputs: [[2, 3], { shape: [1], values: [0.37] }], attributes: { fmod: 1 } },
    {
      inputs: [
        { shape: [4], dtype: 'int64', values: [7, -7, 3, -1] },
        { shape: [1], dtype: 'int64', values: [4] },
      ],
    },
  ],
})

/** d(aᵇ) = b·aᵇ⁻¹ da + aᵇ·ln a db, the second term 0 where a ≤ 0. */
export const Pow = arithmetic(
  'Pow',
  [
    { inputs: [positive([2, 3]), [2, 3]] },
    { inputs: [[2, 3], { shape: [], values: [3], constant: true }] },
  ],
  (g, { inputs: [a, b], outputs: [y], wanted }, dy) => [
    wanted[0] ? g.mul(dy, g.mul(g.cast(b!, a!.dtype), g.pow(a!, g.sub(b!, 1)))) : null,
    wanted[1] ? g.mul(dy, g.mul(y!, g.where(g.greater(a!, 0), g.log(g.max(a!, 1e-30)), 0))) : null,
  ],
)
/** On ties, the gradient goes to the first of the equal inputs. */
export const Max = extremum('Max')
/** On ties, the gradient goes to the first of the equal inputs. */
export const Min = extremum('Min')

export const Sum = defineOp({
  op: 'Sum',
  attributes: {},
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: broadcastAll(call) }],
  vjp: (_g, { inputs }, [dy]) => inputs.map(() => dy!),
  samples: [
    {
      inputs: [
        [2, 3],
        [1, 3],
        [2, 1],
      ],
    },
  ],
})

export const Mean = defineFunction({
  op: 'Mean',
  attributes: {},
  body: (g, { inputs }) => [g.mul(g.op('Sum', inputs)[0]!, 1 / inputs.length)],
  samples: [
    {
      inputs: [
        [2, 3],
        [1, 3],
        [2, 1],
      ],
    },
  ],
})

export const Neg = unary('Neg', (g, _x, _y, dy) => g.neg(dy))
/** d eˣ = eˣ dx. */
export const Exp = unary('Exp', (g, _x, y, dy) => g.mul(dy, y))
/** d ln x = dx/x. */
export const Log = unary('Log', (g, x, _y, dy) => g.div(dy, x), [{ inputs: [positive([2, 3])] }])
/** d √x = dx/(2√x). */
export const Sqrt = unary('Sqrt', (g, _x, y, dy) => g.div(g.mul(dy, 0.5), y), [
  { inputs: [positive([2, 3])] },
])
/** d x⁻¹ = −x⁻² dx. */
export const Reciprocal = unary('Reciprocal', (g, _x, y, dy) => g.neg(g.mul(dy, g.mul(y, y))), [
  { inputs: [positive([2, 3])] },
])
/** d|x| = sign x dx; 0 at 0. */
export const Abs = unary('Abs', (g, x, _y, dy) => g.mul(dy, g.sign(x)))
/** d erf x = 2/√π e^(−x²) dx. */
export const Erf = unary('Erf', (g, x, _y, dy) =>
  g.mul(dy, g.mul(2 / Math.sqrt(Math.PI), g.exp(g.neg(g.mul(x, x))))),
)

/**
 * The gradient passes within the limits, both included, as for `clamp` in PyTorch; after a
 * convolution both are excluded, as for `relu6` in PyTorch. Limits have no gradient.
 */
export const Clip = defineOp({
  op: 'Clip',
  attributes: {},
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  vjp: (g, { inputs: [x, low, high], outputs: [y] }, [dy]) => {
    let gradient = dy!
    // A rectifier with an upper limit: in terms of y, so that onnxruntime fuses it into the
    // convolution.
    if (x!.node.op === 'Conv' && low && high) {
      gradient = g.where(g.greater(y!, low), gradient, 0)
      return [g.where(g.less(y!, high), gradient, 0), null, null]
    }
    if (low) gradient = g.where(g.less(x!, low), 0, gradient)
    if (high) gradient = g.where(g.greater(x!, high), 0, gradient)
    return [gradient, null, null]
  },
  // Before opset 11 the limits were attributes.
  upgrade: (g, call, opset) => {
    if (opset >= 11) return call
    const { min, max } = call.attributes
    const limit = (value: unknown): Value | null =>
      typeof value === 'number' ? g.scalar(value) : null
    return { inputs: [call.inputs[0]!, limit(min), limit(max)], attributes: {} }
  },
  samples: [
    {
      inputs: [
        [4, 5],
        { shape: [], values: [-0.5], constant: true },
        { shape: [], values: [0.6], constant: true },
      ],
    },
    { inputs: [[4, 5], { shape: [], values: [0], constant: true }] },
  ],
})

export const Identity = defineOp({
  op: 'Identity',
  attributes: {},
  infer: (call) => [same(inputOf(call, 0))],
  vjp: (_g, _call, [dy]) => [dy!],
  // onnxruntime 1.30 breaks graphs where batch normalization and another node read the same
  // Identity.
  lower: (_g, call) => [inputOf(call, 0)],
  samples: [{ inputs: [[2, 3]] }],
})

/** Whether gradients flow through this type. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16'
}

function same(x: Value): Inferred {
  return { dtype: x.dtype, shape: x.shape, ...(x.contents && { contents: x.contents }) }
}

/** A function of one input; the rule gets x, y, and the gradient of y. */
export function unary(
  op: string,
  rule: (g: Builder, x: Value, y: Value, dy: Value) => Value,
  samples: readonly Sample[] = [{ inputs: [[2, 3]] }],
): OpRecord {
  return defineOp({
    op,
    attributes: {},
    infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
    vjp: (g, { inputs: [x], outputs: [y] }, [dy]) => [rule(g, x!, y!, dy!)],
    samples,
  })
}

function arithmetic(
  op: string,
  samples: readonly Sample[],
  rule: (
    g: Builder,
    call: Call & { readonly outputs: readonly Value[]; readonly wanted: readonly boolean[] },
    dy: Value,
  ) => readonly (Value | null)[],
  sizes?: (a: Dim, b: Dim) => Dim | undefined,
): OpRecord {
  return defineOp({
    op,
    attributes: {},
    infer: (call) => {
      const [a, b] = [inputOf(call, 0), inputOf(call, 1)]
      if (a.dtype !== b.dtype && op !== 'Pow') {
        throw shapeError(call, `operands must have one type, got ${a.dtype} and ${b.dtype}`)
      }
      const contents = sizes && combine(a, b, sizes)
      return [{ dtype: a.dtype, shape: broadcastAll(call), ...(contents && { contents }) }]
    },
    vjp: (g, call, [dy]) => rule(g, call, dy!),
    samples,
  })
}

/** Arithmetic on sizes that are known before the run. */
export function combine(
  a: Value,
  b: Value,
  sizes: (a: Dim, b: Dim) => Dim | undefined,
): Dim[] | undefined {
  if (!a.contents || !b.contents || a.shape.length > 1 || b.shape.length > 1) return undefined
  const length = Math.max(a.contents.length, b.contents.length)
  const result: Dim[] = []
  for (let i = 0; i < length; i++) {
    const left = a.contents[a.contents.length === 1 ? 0 : i]
    const right = b.contents[b.contents.length === 1 ? 0 : i]
    if (left === undefined || right === undefined) return undefined
    const size = sizes(left, right)
    if (size === undefined) return undefined
    result.push(size)
  }
  return result
}

function whole(a: Dim, b: Dim, compute: (a: number, b: number) => number): Dim | undefined {
  return typeof a === 'number' && typeof b === 'number' ? compute(a, b) : undefined
}

function extremum(op: 'Max' | 'Min'): OpRecord {
  return defineOp({
    op,
    attributes: {},
    infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: broadcastAll(call) }],
    vjp: (g, { inputs, outputs: [y] }, [dy]) => {
      let open = dy!
      return inputs.map((x) => {
        const chosen = g.equal(x!, y!)
        const gradient = g.where(chosen, open, 0)
        open = g.where(chosen, 0, open)
        return gradient
      })
    },
    // Disjoint ranges, so that compared values are never close.
    samples: [
      { inputs: [[2, 3], { shape: [2, 3], low: -0.9, high: 0.6 }] },
      {
        inputs: [
          [2, 3],
          { shape: [1], low: -0.4, high: -0.2 },
          { shape: [2, 1], low: -1, high: 0.3 },
        ],
      },
    ],
  })
}

/** The broadcast of all input shapes. */
export function broadcastAll(call: Call): readonly Dim[] {
  let shape: readonly Dim[] = []
  for (const input of call.inputs) {
    if (!input) continue
    const joined = broadcastShapes(shape, input.shape)
    if (!joined) {
      throw shapeError(
        call,
        'cannot broadcast ' +
          call.inputs.map((item) => formatShape(item?.shape ?? [])).join(' and '),
      )
    }
    shape = joined
  }
  if (call.inputs.length === 0) throw shapeError(call, `${describe(call)} has no inputs`)
  return shape
}
