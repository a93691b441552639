/** The layers of vision transformers. */
import { g } from '../../core/api/graph.ts'
import type { Value } from '../../core/api/graph.ts'
import { linear, ones, zeros } from '../../core/api/training.ts'
import type { Initializer, LayerScope } from '../../core/api/training.ts'

/** Sizes of a transformer block. */
export interface TransformerBlock {
  /** Tokens of each example. */
  readonly tokens: number
  /** Attention heads; they divide the features. */
  readonly heads: number
  /** Units of the hidden layer of the perceptron. */
  readonly hidden: number
}

/**
 * Normal with standard deviation 0.02. DeiT (Touvron et al. 2020, arXiv:2012.12877) truncates it at
 * ±2, which 100 standard deviations never reach.
 */
export const normal: Initializer = (values, _shape, random) => {
  for (let i = 0; i < values.length; i++) values[i] = 0.02 * random.normal()
}

/**
 * A pre-norm block: x + attention(norm(x)), then the same with a perceptron of two layers and GELU.
 * @param x `[n · tokens, features]` @see Dosovitskiy et al. 2020, equations 2 and 3
 */
export function transformerBlock(scope: LayerScope, x: Value, sizes: TransformerBlock): Value {
  const features = Number(x.shape[1])
  const attended = g.add(x, attention(scope, layerNormalization(scope, x), sizes))
  const normalized = layerNormalization(scope, attended)
  const hidden = gelu(linear(scope, normalized, sizes.hidden, normal))
  return g.add(attended, linear(scope, hidden, features, normal))
}

/**
 * Layer normalization (Ba et al. 2016, arXiv:1607.06450): mean 0 and variance 1 over the features
 * of each row of `[rows, features]`, then a scale and a bias. 1e-6 is added to the variance.
 */
export function layerNormalization(scope: LayerScope, x: Value): Value {
  const name = scope.layer('layernorm')
  const shape = [Number(x.shape[1])]
  const scale = scope.parameter(`${name}.scale`, shape, ones, { decays: false })
  const bias = scope.parameter(`${name}.bias`, shape, zeros, { decays: false })
  const centered = g.sub(x, g.reduceMean(x, [1], true))
  const variance = g.reduceMean(g.mul(centered, centered), [1], true)
  return g.add(g.mul(g.div(centered, g.sqrt(g.add(variance, 1e-6))), scale), bias)
}

/**
 * onnxruntime adds up rows in an order that depends on their address in memory, and so on the
 * batch, unless their length is a multiple of 4. Keys are padded to a multiple of 8.
 */
const alignment = 8

/**
 * Multi-head self-attention: softmax(q kᵀ / √d) v for each head of d features, and a linear layer.
 * Padded keys have weight 0.
 * @see Vaswani et al. 2017, arXiv:1706.03762, section 3.2
 */
function attention(scope: LayerScope, x: Value, { tokens, heads }: TransformerBlock): Value {
  const features = Number(x.shape[1])
  const size = features / heads
  const projected = linear(scope, x, 3 * features, normal)
  const part = (index: number, order: readonly number[]): Value => {
    const own = g.slice(projected, [index * features], [(index + 1) * features], [1])
    return g.transpose(g.reshape(own, [-1, tokens, heads, size]), order)
  }
  const padding = Math.ceil(tokens / alignment) * alignment - tokens
  const query = g.mul(part(0, [0, 2, 1, 3]), 1 / Math.sqrt(size))
  const key = g.pad(part(1, [0, 2, 3, 1]), [0, 0, 0, 0, 0, 0, 0, padding])
  const value = g.pad(part(2, [0, 2, 1, 3]), [0, 0, 0, 0, 0, 0, padding, 0])
  const mask = [...Array<number>(tokens).fill(0), ...Array<number>(padding).fill(-1e9)]
  const scores = g.add(g.matMul(query, key), g.floats([mask.length], mask))
  const mixed = g.transpose(g.matMul(g.softmax(scores), value), [0, 2, 1, 3])
  return linear(scope, g.reshape(mixed, [-1, features]), features, normal)
}

/** GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415): x · ½(1 + erf(x / √2)). */
export function gelu(x: Value): Value {
  const erf = g.op('Erf', [g.mul(x, Math.SQRT1_2)])[0]!
  return g.mul(g.mul(x, 0.5), g.add(erf, 1))
}
