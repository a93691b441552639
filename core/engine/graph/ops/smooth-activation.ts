/** Activations that ONNX defines by simpler operators. */
import { defineFunction, defineOp, float, since, text, type OpRecord } from '../operator.ts'
import { inputOf, numberOf, shapeError, textOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Attributes, Value } from '../value.ts'
import type { AttributeSpec } from '../operator-call.ts'

/**
 * x·Φ(x), by the error function, or approximately by tanh.
 * @see Hendrycks and Gimpel 2016, arXiv:1606.08415
 */
export const Gelu = defineOp({
  ...activation(
    'Gelu',
    20,
    { approximate: text('none') },
    (g, x, call) => {
      const mode = textOf(call, 'approximate')
      if (mode === 'none') return undefined
      if (mode !== 'tanh')
        throw shapeError(call, `approximate "${mode}" is unknown (known: none, tanh)`)
      const cubic = g.mul(g.mul(x, x), g.mul(x, 0.044715))
      const inner = g.mul(g.add(x, cubic), Math.sqrt(2 / Math.PI))
      return g.mul(g.mul(x, 0.5), g.add(g.tanh(inner), 1))
    },
    [{}, { approximate: 'tanh' }],
  ),
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  // With v = x/√2, Φ(x) = (1 + erf v)/2 and x·φ(x) = v·e^(−v²)/√π.
  vjp: (g, { inputs: [x] }, [dy]) => {
    const { v, twice } = distribution(g, x!)
    const density = g.exp(g.sub(Math.log(2 / Math.sqrt(Math.PI)), g.mul(v, v)))
    return [g.mul(g.mul(dy!, 0.5), g.add(twice, g.mul(v, density)))]
  },
  // The form that onnxruntime fuses.
  lower: (g, { inputs: [x] }) => [g.mul(g.mul(x!, distribution(g, x!).twice), 0.5)],
})

/** v = x/√2 and 2·Φ(x) = 1 + erf v. */
function distribution(g: Builder, x: Value): { readonly v: Value; readonly twice: Value } {
  const v = g.div(x, Math.SQRT2)
  return { v, twice: g.add(g.op('Erf', [v])[0]!, 1) }
}

/** x·tanh(ln(1 + eˣ)). @see Misra 2019, arXiv:1908.08681 */
export const Mish = activation('Mish', 18, {}, (g, x) =>
  g.mul(x, g.tanh(g.op('Softplus', [x])[0]!)),
)

/** x·sigmoid(αx). @see Ramachandran, Zoph, Le 2017, arXiv:1710.05941 */
export const Swish = activation(
  'Swish',
  24,
  { alpha: float(1) },
  (g, x, call) => {
    const alpha = numberOf(call, 'alpha')
    return g.mul(x, g.sigmoid(alpha === 1 ? x : g.mul(x, alpha)))
  },
  [{}, { alpha: 1.7 }],
)

/** x for x > 0, else α·(e^(x/α) − 1). @see Barron 2017, arXiv:1704.07483 */
export const Celu = activation(
  'Celu',
  12,
  { alpha: float(1) },
  (g, x, call) => {
    const alpha = numberOf(call, 'alpha')
    return g.mul(g.op('Elu', [g.div(x, alpha)])[0]!, alpha)
  },
  [{}, { alpha: 0.6 }],
)

function activation(
  op: string,
  first: number,
  attributes: Readonly<Record<string, AttributeSpec>>,
  body: (g: Builder, x: Value, call: Call) => Value | undefined,
  samples: readonly Attributes[] = [{}],
): OpRecord {
  return defineFunction({
    op,
    attributes,
    body: (g, call) => {
      const y = body(g, inputOf(call, 0), call)
      return y && [y]
    },
    opsets: since(first),
    samples: samples.map((item) => ({
      inputs: [{ shape: [3, 4], low: -3, high: 3 }],
      attributes: item,
    })),
  })
}
