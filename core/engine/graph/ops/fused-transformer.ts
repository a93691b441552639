/** Operators of transformers that onnxruntime's optimizer writes, most of them in com.microsoft. */
import { defineFunction, float, int } from '../operator.ts'
import { inputOf, numberOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { OpRecord, SampleInput } from '../operator.ts'
import type { Value } from '../value.ts'

const wide: SampleInput = { shape: [3, 4], low: -3, high: 3 }

export const ContribGelu = gelu('Gelu', (g, x) => g.op('Gelu', [x])[0]!)
export const BiasGelu = gelu('BiasGelu', (g, x) => g.op('Gelu', [x])[0]!, [[4]])
/** Gelu by tanh, with an optional bias. */
export const FastGelu = gelu('FastGelu', (g, x) => g.op('Gelu', [x], { approximate: 'tanh' })[0]!, [
  [4],
])

/** x·sigmoid(αx). */
export const QuickGelu = defineFunction({
  op: 'com.microsoft.QuickGelu',
  attributes: { alpha: float(1.702) },
  body: (g, call) => g.op('Swish', [inputOf(call, 0)], { alpha: numberOf(call, 'alpha') }),
  samples: [{ inputs: [wide] }, { inputs: [wide], attributes: { alpha: 1 } }],
})

/** RMSNormalization, which onnxruntime writes under this name in the standard domain. */
export const SimplifiedLayerNormalization = defineFunction({
  op: 'SimplifiedLayerNormalization',
  attributes: { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
  body: (g, call) => g.op('RMSNormalization', call.inputs.slice(0, 2), call.attributes),
  samples: [{ inputs: [[3, 5], [5]] }],
})

/** Normalizes x + skip + bias. Inputs x, skip, scale, offset, bias; output 3 is the sum. */
export const SkipLayerNormalization = defineFunction({
  op: 'com.microsoft.SkipLayerNormalization',
  attributes: { epsilon: float(1e-12) },
  optionalOutputs: true,
  body: (g, call) => {
    const sum = skipped(g, call, 4)
    const epsilon = numberOf(call, 'epsilon')
    const parameters = call.inputs.slice(2, call.inputs[3] ? 4 : 3)
    return [...g.op('LayerNormalization', [sum, ...parameters], { epsilon }), sum]
  },
  samples: [
    { inputs: [[2, 3, 4], [2, 3, 4], [4], [4]] },
    { inputs: [[2, 3, 4], [2, 3, 4], [4], [4], [4]], attributes: { epsilon: 0.1 } },
  ],
})

/** The same without mean and offset. Inputs x, skip, scale, bias; output 3 is the sum. */
export const SkipSimplifiedLayerNormalization = defineFunction({
  op: 'com.microsoft.SkipSimplifiedLayerNormalization',
  attributes: { epsilon: float(1e-12) },
  optionalOutputs: true,
  body: (g, call) => {
    const sum = skipped(g, call, 3)
    const epsilon = numberOf(call, 'epsilon')
    const [y] = g.op('RMSNormalization', [sum, inputOf(call, 2)], { epsilon })
    const square = g.reduceMean(g.mul(sum, sum), [sum.shape.length - 1], true)
    const inverse = g.div(1, g.sqrt(g.add(square, epsilon)))
    return [y!, g.reduceMean(sum, [sum.shape.length - 1], true), inverse, sum]
  },
  samples: [{ inputs: [[2, 3, 4], [2, 3, 4], [4]], attributes: { epsilon: 0.1 } }],
})

function gelu(
  op: string,
  body: (g: Builder, x: Value) => Value,
  more: readonly (readonly number[])[] = [],
): OpRecord {
  return defineFunction({
    op: `com.microsoft.${op}`,
    attributes: {},
    body: (g, { inputs: [x, bias] }) => [body(g, bias ? g.add(x!, bias) : x!)],
    samples: [{ inputs: [wide, ...more] }],
  })
}

function skipped(g: Builder, call: Call, bias: number): Value {
  const sum = g.add(inputOf(call, 0), inputOf(call, 1))
  const offset = call.inputs[bias]
  return offset ? g.add(sum, offset) : sum
}
