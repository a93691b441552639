/** Scaled dot-product attention. @see Vaswani et al. 2017, arXiv:1706.03762, eq. 1 */
import { defineFunction, float, int, ints, since } from '../operator.ts'
import { inputOf, numberOf, numbersOf, shapeError, sizesOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

/**
 * Inputs Q, K, V, mask, past keys, past values. Q, K, and V are `[n, heads, length, size]`, or `[n,
 * length, heads·size]`. Output 1 and 2 are the keys and values with the past ones, output 3 is QKᵀ.
 */
export const Attention = defineFunction({
  op: 'Attention',
  except: 'not with lengths per example (`nonpad_kv_seqlen`)',
  attributes: {
    is_causal: int(0),
    kv_num_heads: int(),
    q_num_heads: int(),
    qk_matmul_output_mode: int(0),
    scale: float(),
    softcap: float(0),
    softmax_precision: int(),
  },
  optionalOutputs: true,
  body: (g, call) => {
    const [, , , mask, pastKeys, pastValues, lengths] = call.inputs
    if (lengths) throw shapeError(call, 'lengths per example (nonpad_kv_seqlen) are not supported')
    const isFlat = inputOf(call, 0).shape.length === 3
    const queries = intoHeads(g, call, 0, 'q_num_heads')
    const newKeys = intoHeads(g, call, 1, 'kv_num_heads')
    const newValues = intoHeads(g, call, 2, 'kv_num_heads')
    const keys = pastKeys ? g.concat([pastKeys, newKeys], 2) : newKeys
    const values = pastValues ? g.concat([pastValues, newValues], 2) : newValues
    const { scale, softcap, is_causal: isCausal } = call.attributes
    const scores = score(g, call, queries, keys, typeof scale === 'number' ? scale : undefined)
    const cap = Number(softcap)
    const capped = cap > 0 ? g.mul(g.tanh(g.div(scores, cap)), cap) : scores
    const bias = mask ? asBias(g, mask) : null
    let masked = bias ? g.add(capped, bias) : capped
    if (isCausal === 1) masked = g.add(masked, causalBias(g, call, masked, pastKeys))
    const heads = queries.shape[1] as number
    const y = g.matMul(g.softmax(masked), repeatHeads(g, values, heads))
    return [isFlat ? fromHeads(g, y) : y, keys, values, scores]
  },
  opsets: since(23),
  samples: [
    {
      inputs: [
        [2, 2, 3, 4],
        [2, 2, 5, 4],
        [2, 2, 5, 4],
      ],
    },
    {
      inputs: [
        [2, 3, 8],
        [2, 3, 4],
        [2, 3, 4],
      ],
      attributes: { q_num_heads: 4, kv_num_heads: 2, is_causal: 1, scale: 0.7 },
    },
    {
      inputs: [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
        [1, 2, 3, 4],
        [3, 3],
      ],
      attributes: { softcap: 0.8 },
    },
    {
      inputs: [
        [1, 1, 2, 3],
        [1, 1, 3, 3],
        [1, 1, 3, 3],
        { shape: [2, 3], dtype: 'bool', values: [1, 0, 1, 1, 1, 0] },
      ],
    },
    {
      inputs: [[1, 1, 2, 3], [1, 1, 2, 3], [1, 1, 2, 3], null, [1, 1, 3, 3], [1, 1, 3, 3]],
      attributes: { is_causal: 1 },
    },
  ],
})

/** Inputs x `[n, length, c]`, weights and biases of queries, keys, and values side by side, mask. */
export const ContribAttention = defineFunction({
  op: 'com.microsoft.Attention',
  except: 'not with masks or past values',
  attributes: {
    do_rotary: int(0),
    mask_filter_value: float(-10_000),
    num_heads: { type: 'int' },
    past_present_share_buffer: int(),
    qkv_hidden_sizes: ints(),
    rotary_embedding_dim: int(0),
    scale: float(),
    unidirectional: int(0),
  },
  body: (g, call) => {
    const [x, weight, bias, ...others] = call.inputs
    refuseOthers(call, others, 'masks and past values are not supported')
    const width = sizesOf(call, weight!.shape)[1]!
    const sizes = numbersOf(call, 'qkv_hidden_sizes') ?? [width / 3, width / 3, width / 3]
    const product = g.matMul(x!, weight!)
    const joined = bias ? g.add(product, bias) : product
    let start = 0
    const parts = sizes.map((size) => {
      start += size
      return g.slice(joined, [start - size], [start], [2])
    })
    return attend(g, call, parts, numberOf(call, 'unidirectional'))
  },
  samples: [{ inputs: [[2, 3, 4], [4, 12], [12]], attributes: { num_heads: 2 } }],
})

/** Inputs queries, keys, and values `[n, length, c]`, and a bias of all three. */
export const MultiHeadAttention = defineFunction({
  op: 'com.microsoft.MultiHeadAttention',
  except: 'not with masks, past values, or packed queries, keys, and values',
  attributes: {
    mask_filter_value: float(-10_000),
    num_heads: { type: 'int' },
    scale: float(),
    unidirectional: int(0),
  },
  body: (g, call) => {
    const [q, k, v, bias, ...others] = call.inputs
    refuseOthers(call, others, 'masks and past values are not supported')
    if (!k || !v) throw shapeError(call, 'packed queries, keys, and values are not supported')
    let start = 0
    const parts = [q!, k, v].map((part) => {
      const size = sizesOf(call, part.shape, 2)[0]!
      start += size
      return bias ? g.add(part, g.slice(bias, [start - size], [start], [0])) : part
    })
    return attend(g, call, parts, numberOf(call, 'unidirectional'))
  },
  samples: [
    { inputs: [[2, 3, 4], [2, 5, 4], [2, 5, 4], [12]], attributes: { num_heads: 2, scale: 0.4 } },
  ],
})

function refuseOthers(call: Call, others: readonly (Value | null)[], reason: string): void {
  if (others.some((value) => value !== null)) throw shapeError(call, reason)
}

function attend(
  g: Builder,
  call: Call,
  parts: readonly Value[],
  isCausal: number,
): readonly Value[] {
  const heads = numberOf(call, 'num_heads')
  const { scale } = call.attributes
  const [y] = g.op('Attention', parts, {
    q_num_heads: heads,
    kv_num_heads: heads,
    is_causal: isCausal,
    ...(typeof scale === 'number' && { scale }),
  })
  return [y!]
}

/** `[n, heads, length, size]` of an input in either form. */
function intoHeads(g: Builder, call: Call, index: number, attribute: string): Value {
  const x = inputOf(call, index)
  if (x.shape.length === 4) return x
  const heads = numberOf(call, attribute)
  return g.transpose(
    g.reshape(x, [0, 0, heads, sizesOf(call, x.shape, 2)[0]! / heads]),
    [0, 2, 1, 3],
  )
}

/** `[n, heads, length, size]` to `[n, length, heads·size]`. */
function fromHeads(g: Builder, y: Value): Value {
  const [, heads, , size] = y.shape as number[]
  return g.reshape(g.transpose(y, [0, 2, 1, 3]), [0, 0, heads! * size!])
}

/** QKᵀ·scale; by default, scale is 1/√size. */
function score(g: Builder, call: Call, queries: Value, keys: Value, scale?: number): Value {
  const [size] = sizesOf(call, queries.shape, 3)
  const shared = repeatHeads(g, keys, queries.shape[1] as number)
  const product = g.matMul(queries, g.transpose(shared, [0, 1, 3, 2]))
  return g.mul(product, scale ?? 1 / Math.sqrt(size!))
}

/** Each head of keys or values once per query head that shares it. */
function repeatHeads(g: Builder, x: Value, heads: number): Value {
  const own = x.shape[1] as number
  if (own === heads) return x
  return g.gather(
    x,
    g.integers(Array.from({ length: heads }, (_, i) => Math.floor((i * own) / heads))),
    1,
  )
}

/** A mask to add: booleans become 0 or a number that the softmax maps to 0. */
function asBias(g: Builder, mask: Value): Value {
  return mask.dtype === 'bool' ? g.where(mask, g.scalar(0), g.scalar(-1e30)) : mask
}

/** A query does not see keys after its own position. */
function causalBias(g: Builder, call: Call, scores: Value, past: Value | null | undefined): Value {
  const [rows, columns] = sizesOf(call, scores.shape, 2) as [number, number]
  const offset = past ? sizesOf(call, past.shape, 2)[0]! : 0
  const values = Array.from({ length: rows * columns }, (_, i) =>
    i % columns <= Math.floor(i / columns) + offset ? 0 : -1e30,
  )
  return g.floats([rows, columns], values)
}
