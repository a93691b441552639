/** Rotary position embedding. @see Su et al. 2021, arXiv:2104.09864, eq. 34 */
import { defineFunction, float, int, since, type SampleInput } from '../operator.ts'
import { inputOf, numberOf, shapeError, sizesOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Attributes, Value } from '../value.ts'

const positions: SampleInput = { shape: [2, 3], dtype: 'int64', values: [0, 1, 2, 3, 1, 0] }

/**
 * Rotates pairs of elements of x, `[n, heads, length, size]` or `[n, length, heads·size]`. Inputs x,
 * cosines, sines (of all positions, or of each element), positions `[n, length]`.
 */
export const RotaryEmbedding = defineFunction({
  op: 'RotaryEmbedding',
  attributes: { interleaved: int(0), num_heads: int(0), rotary_embedding_dim: int(0) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const isFlat = x.shape.length === 3
    const heads = numberOf(call, 'num_heads')
    if (isFlat && heads === 0) throw shapeError(call, 'attribute "num_heads" is missing')
    // [n, length, heads, size]
    const apart = isFlat
      ? g.reshape(x, [0, 0, heads, sizesOf(call, x.shape, 2)[0]! / heads])
      : g.transpose(x, [0, 2, 1, 3])
    const rotated = rotate(g, call, apart)
    if (!isFlat) return [g.transpose(rotated, [0, 2, 1, 3])]
    return [g.reshape(rotated, [0, 0, x.shape[2] as number])]
  },
  opsets: since(23),
  samples: [
    { inputs: [[2, 2, 3, 4], [5, 2], [5, 2], positions] },
    {
      inputs: [
        [2, 3, 8],
        [2, 3, 2],
        [2, 3, 2],
      ],
      attributes: { num_heads: 2, interleaved: 1 },
    },
    {
      inputs: [[2, 2, 3, 6], [5, 2], [5, 2], positions],
      attributes: { rotary_embedding_dim: 4 },
    },
  ],
})

/** The same with inputs x, positions, cosines, sines. */
export const ContribRotaryEmbedding = defineFunction({
  op: 'com.microsoft.RotaryEmbedding',
  except: 'not with one offset in place of positions',
  attributes: {
    interleaved: int(0),
    is_packed_batching: int(0),
    num_heads: int(0),
    rotary_embedding_dim: int(0),
    scale: float(1),
  },
  body: (g, call) => {
    const [x, at, cosines, sines] = call.inputs
    if (at!.shape.length !== 2)
      throw shapeError(call, 'only positions [n, length] are supported, not one offset')
    const size = 2 * sizesOf(call, cosines!.shape)[1]!
    const heads = numberOf(call, 'num_heads')
    const attributes: Attributes = {
      interleaved: numberOf(call, 'interleaved'),
      rotary_embedding_dim: numberOf(call, 'rotary_embedding_dim'),
      num_heads: x!.shape.length === 3 && heads === 0 ? (x!.shape[2] as number) / size : heads,
    }
    return g.op('RotaryEmbedding', [x!, cosines!, sines!, at!], attributes)
  },
  samples: [{ inputs: [[2, 3, 8], positions, [5, 2], [5, 2]] }],
})

function rotate(g: Builder, call: Call, x: Value): Value {
  const [size] = sizesOf(call, x.shape, 3) as [number]
  const rotated = numberOf(call, 'rotary_embedding_dim') || size
  const half = rotated / 2
  const isInterleaved = numberOf(call, 'interleaved') === 1
  const part = (start: number, end: number, step = 1): Value =>
    g.slice(x, [start], [end], [3], [step])
  const [a, b] = isInterleaved
    ? [part(0, rotated, 2), part(1, rotated, 2)]
    : [part(0, half), part(half, rotated)]
  const [cosine, sine] = [1, 2].map((index) => {
    const table = inputOf(call, index)
    const at = call.inputs[3]
    // [n, length, 1, half]
    return g.unsqueeze(at ? g.gather(table, at) : table, [2])
  }) as [Value, Value]
  const first = g.sub(g.mul(a, cosine), g.mul(b, sine))
  const second = g.add(g.mul(a, sine), g.mul(b, cosine))
  const [, length, heads] = x.shape as [unknown, number, number]
  const joined = isInterleaved
    ? g.reshape(g.concat([g.unsqueeze(first, [4]), g.unsqueeze(second, [4])], 4), [
        -1,
        length,
        heads,
        rotated,
      ])
    : g.concat([first, second], 3)
  return rotated === size ? joined : g.concat([joined, part(rotated, size)], 3)
}
