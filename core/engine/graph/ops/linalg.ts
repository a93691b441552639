/** Matrix products. */
import { broadcastShapes, formatShape } from '../dim.ts'
import { defineOp, float, int } from '../operator.ts'
import { inputOf, numberOf, shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Inferred, Value } from '../value.ts'

/** Y = AB: dA = dY Bᵀ, dB = Aᵀ dY. */
export const MatMul = defineOp({
  op: 'MatMul',
  attributes: {},
  infer: inferMatMul,
  vjp: (g, { inputs: [a, b], wanted }, [dy]) => {
    const left = a!.shape.length === 1 ? g.unsqueeze(a!, [0]) : a!
    const right = b!.shape.length === 1 ? g.unsqueeze(b!, [1]) : b!
    let upstream = dy!
    if (b!.shape.length === 1) upstream = g.unsqueeze(upstream, [-1])
    if (a!.shape.length === 1) upstream = g.unsqueeze(upstream, [-2])
    const da = wanted[0] ? g.matMul(upstream, swapLast(g, right)) : null
    const db = wanted[1] ? rightGradient(g, left, upstream, right) : null
    return [
      da && a!.shape.length === 1 ? g.squeeze(da, [-2]) : da,
      db && b!.shape.length === 1 ? g.squeeze(db, [-1]) : db,
    ]
  },
  samples: [
    {
      inputs: [
        [2, 3],
        [3, 4],
      ],
    },
    {
      inputs: [
        [5, 2, 3],
        [3, 4],
      ],
    },
    {
      inputs: [
        [2, 1, 2, 3],
        [3, 3, 4],
      ],
    },
    { inputs: [[3], [3, 4]] },
    { inputs: [[2, 3], [3]] },
  ],
})

/** Y = α A'B' + β C. */
export const Gemm = defineOp({
  op: 'Gemm',
  attributes: { alpha: float(1), beta: float(1), transA: int(0), transB: int(0) },
  infer: (call) => {
    const [a, b] = [inputOf(call, 0), inputOf(call, 1)]
    if (a.shape.length !== 2 || b.shape.length !== 2) {
      throw shapeError(
        call,
        `needs two matrices, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      )
    }
    const [m, k] = numberOf(call, 'transA')
      ? [a.shape[1]!, a.shape[0]!]
      : [a.shape[0]!, a.shape[1]!]
    const [k2, n] = numberOf(call, 'transB')
      ? [b.shape[1]!, b.shape[0]!]
      : [b.shape[0]!, b.shape[1]!]
    if (typeof k === 'number' && typeof k2 === 'number' && k !== k2) {
      throw shapeError(
        call,
        `inner sizes differ: ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      )
    }
    return [{ dtype: a.dtype, shape: [m, n] }]
  },
  vjp: (g, call, [dy]) => {
    const [a, b, c] = call.inputs
    const [transA, transB] = [numberOf(call, 'transA'), numberOf(call, 'transB')]
    const alpha = numberOf(call, 'alpha')
    const scaled = alpha === 1 ? dy! : g.mul(dy!, alpha)
    const product = (x: Value, y: Value, tx: number, ty: number): Value =>
      g.gemm(x, y, null, { transA: tx, transB: ty })
    const da = !call.wanted[0]
      ? null
      : transA
        ? product(b!, scaled, transB, 1)
        : product(scaled, b!, 0, 1 - transB)
    const db = !call.wanted[1]
      ? null
      : transB
        ? product(scaled, a!, 1, transA)
        : product(a!, scaled, 1 - transA, 0)
    const beta = numberOf(call, 'beta')
    const dc = c && call.wanted[2] ? (beta === 1 ? dy! : g.mul(dy!, beta)) : null
    return [da, db, dc]
  },
  samples: [
    { inputs: [[2, 3], [3, 4], [4]] },
    {
      inputs: [
        [3, 2],
        [4, 3],
        [2, 1],
      ],
      attributes: { transA: 1, transB: 1, alpha: 0.5, beta: 2 },
    },
    {
      inputs: [
        [2, 3],
        [4, 3],
      ],
      attributes: { transB: 1 },
    },
    {
      inputs: [
        [3, 2],
        [3, 4],
      ],
      attributes: { transA: 1 },
    },
  ],
})

function inferMatMul(call: Call): readonly Inferred[] {
  const [a, b] = [inputOf(call, 0), inputOf(call, 1)]
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape
  const inner = [left.at(-1), right.at(-2)] as const
  const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2))
  const clash =
    typeof inner[0] === 'number' && typeof inner[1] === 'number' && inner[0] !== inner[1]
  if (!batch || clash || left.length < 2 || right.length < 2) {
    throw shapeError(
      call,
      `cannot multiply shapes ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    )
  }
  const shape = [
    ...batch,
    ...(a.shape.length === 1 ? [] : [left.at(-2)!]),
    ...(b.shape.length === 1 ? [] : [right.at(-1)!]),
  ]
  return [{ dtype: a.dtype, shape }]
}

function swapLast(g: Builder, x: Value): Value {
  const rank = x.shape.length
  const perm = Array.from({ length: rank }, (_, i) => i)
  perm[rank - 2] = rank - 1
  perm[rank - 1] = rank - 2
  return g.transpose(x, perm)
}

/**
 * The gradient of a matrix shared by a whole batch: one product over all rows instead of a sum of
 * many.
 */
function rightGradient(g: Builder, a: Value, dy: Value, b: Value): Value {
  const [inner, columns] = [a.shape.at(-1), dy.shape.at(-1)]
  if (
    b.shape.length === 2 &&
    a.shape.length > 2 &&
    typeof inner === 'number' &&
    typeof columns === 'number'
  ) {
    return g.matMul(swapLast(g, g.reshape(a, [-1, inner])), g.reshape(dy, [-1, columns]))
  }
  return g.matMul(swapLast(g, a), dy)
}
