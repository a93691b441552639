/** Activations, elementwise or along an axis. */
import { defineOp, float, int, since, type OpRecord, type Sample } from '../operator.ts'
import { axisOf, inputOf, numberOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Attributes, Inferred, Value } from '../value.ts'
import type { AttributeSpec } from '../operator-call.ts'

/** The derivative is 1 where y > 0, and 0 at 0. */
export const Relu = activation('Relu', {}, (g, _call, _x, y, dy) => {
  const { op, inputs, attributes } = dy.node
  // Before a MaxPool, only maxima have a gradient: the smaller output has the same signs.
  if (op === 'MaxPoolGradient' && inputs[0] === y) {
    const [, pooled, upstream] = inputs as readonly Value[]
    const kept = g.where(g.cast(pooled!, 'bool'), upstream!, 0)
    return g.op(op, [y, pooled!, kept], attributes)[0]!
  }
  return g.where(g.cast(y, 'bool'), dy, 0)
})

export const LeakyRelu = activation('LeakyRelu', { alpha: float(0.01) }, (g, call, x, _y, dy) =>
  g.where(g.greater(x, 0), dy, g.mul(dy, numberOf(call, 'alpha'))),
)

export const PRelu = defineOp({
  op: 'PRelu',
  attributes: {},
  infer: keepShape,
  vjp: (g, { inputs: [x, slope] }, [dy]) => {
    const isPositive = g.greater(x!, 0)
    return [g.where(isPositive, dy!, g.mul(dy!, slope!)), g.where(isPositive, 0, g.mul(dy!, x!))]
  },
  samples: [
    {
      inputs: [
        [2, 3, 4],
        [3, 1],
      ],
    },
  ],
})

/** The derivative is 1 for x > 0, else α·eˣ = y + α. */
export const Elu = activation('Elu', { alpha: float(1) }, (g, call, x, y, dy) =>
  g.where(g.greater(x, 0), dy, g.mul(dy, g.add(y, numberOf(call, 'alpha')))),
)

/** The derivative is γ for x > 0, else γ·α·eˣ = y + γ·α. */
export const Selu = activation(
  'Selu',
  { alpha: float(1.6732632423543772), gamma: float(1.0507009873554805) },
  (g, call, x, y, dy) => {
    const gamma = numberOf(call, 'gamma')
    return g.where(
      g.greater(x, 0),
      g.mul(dy, gamma),
      g.mul(dy, g.add(y, gamma * numberOf(call, 'alpha'))),
    )
  },
)

/** y = 1/(1+e⁻ˣ): dy/dx = y(1 − y). */
export const Sigmoid = activation('Sigmoid', {}, (g, _call, _x, y, dy) =>
  g.mul(dy, g.mul(y, g.sub(1, y))),
)

/** dy/dx = 1 − y². */
export const Tanh = activation('Tanh', {}, (g, _call, _x, y, dy) =>
  g.mul(dy, g.sub(1, g.mul(y, y))),
)

/** y = ln(1+eˣ): dy/dx = sigmoid x. */
export const Softplus = activation('Softplus', {}, (g, _call, x, _y, dy) => g.mul(dy, g.sigmoid(x)))

/** y = x/(1+|x|): dy/dx = 1/(1+|x|)². */
export const Softsign = activation('Softsign', {}, (g, _call, x, _y, dy) => {
  const below = g.add(g.abs(x), 1)
  return g.div(dy, g.mul(below, below))
})

/** y = clip(αx + β, 0, 1): the derivative is α strictly inside. */
export const HardSigmoid = activation(
  'HardSigmoid',
  { alpha: float(0.2), beta: float(0.5) },
  (g, call, _x, y, dy) =>
    g.where(g.and(g.greater(y, 0), g.less(y, 1)), g.mul(dy, numberOf(call, 'alpha')), 0),
)

/** y = x·clip(x/6 + 1/2, 0, 1): inside (−3, 3) the derivative is x/3 + 1/2. */
export const HardSwish = activation('HardSwish', {}, (g, _call, x, _y, dy) =>
  g.where(g.less(x, -3), 0, g.where(g.greater(x, 3), dy, g.mul(dy, g.add(g.mul(x, 1 / 3), 0.5)))),
)

/** y = x where x > α, else 0. */
export const ThresholdedRelu = defineOp({
  ...activation('ThresholdedRelu', { alpha: float(1) }, (g, call, x, _y, dy) =>
    g.where(g.greater(x, numberOf(call, 'alpha')), dy, 0),
  ),
  opsets: since(10),
  samples: [{ inputs: [[3, 4]], attributes: { alpha: 0.33 } }],
})

/** y = x − bias for x > λ, x + bias for x < −λ, else 0. */
export const Shrink = defineOp({
  ...activation('Shrink', { bias: float(0), lambd: float(0.5) }, (g, call, x, _y, dy) =>
    g.where(g.greater(g.abs(x), numberOf(call, 'lambd')), dy, 0),
  ),
  opsets: since(9),
  samples: [{ inputs: [[3, 4]], attributes: { bias: 0.2, lambd: 0.33 } }],
})

/** y = softmax x: dx = y ⊙ (dy − ⟨dy, y⟩). */
export const Softmax = alongAxis('Softmax', (g, axis, y, dy) =>
  g.mul(y, g.sub(dy, g.reduceSum(g.mul(dy, y), [axis], true))),
)

/** y = x − ln Σeˣ: dx = dy − eʸ Σdy. */
export const LogSoftmax = alongAxis('LogSoftmax', (g, axis, y, dy) =>
  g.sub(dy, g.mul(g.exp(y), g.reduceSum(dy, [axis], true))),
)

/** 1 at the first maximum, else 0. */
export const Hardmax = defineOp({
  ...alongAxis('Hardmax', (g, _axis, y) => g.zerosLike(y)),
  vjp: 'zero',
})

/** The identity at inference. Training mode is unsupported, because onnxruntime draws the mask. */
export const Dropout = defineOp({
  op: 'Dropout',
  attributes: { seed: int() },
  optionalOutputs: true,
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    return [
      { dtype, shape },
      { dtype: 'bool', shape },
    ]
  },
  vjp: (_g, _call, [dy]) => [dy!, null, null],
  // Before opset 12 the ratio was an attribute; it is irrelevant at inference.
  upgrade: (g, call) => {
    const x = inputOf(call, 0)
    return [g.op('Identity', [x])[0]!, g.op('Equal', [x, x])[0]!]
  },
  samples: [{ inputs: [[2, 3]] }],
})

function keepShape(call: Call): readonly Inferred[] {
  const { dtype, shape } = inputOf(call, 0)
  return [{ dtype, shape }]
}

function activation(
  op: string,
  attributes: Readonly<Record<string, AttributeSpec>>,
  rule: (
    g: Builder,
    call: { readonly op: string; readonly attributes: Attributes },
    x: Value,
    y: Value,
    dy: Value,
  ) => Value,
): OpRecord {
  return defineOp({
    op,
    attributes,
    infer: keepShape,
    vjp: (g, call, [dy]) => [rule(g, call, call.inputs[0]!, call.outputs[0]!, dy!)],
    samples: [{ inputs: [[3, 4]] }],
  })
}

function alongAxis(
  op: string,
  rule: (g: Builder, axis: number, y: Value, dy: Value) => Value,
): OpRecord {
  const samples: readonly Sample[] = [
    { inputs: [[3, 5]] },
    { inputs: [[2, 3, 4]], attributes: { axis: 1 } },
  ]
  return defineOp({
    op,
    attributes: { axis: int(-1) },
    infer: (call) => {
      axisOf(call, numberOf(call, 'axis'), inputOf(call, 0).shape.length)
      return keepShape(call)
    },
    vjp: (g, call, [dy]) => [
      rule(
        g,
        axisOf(call, numberOf(call, 'axis'), call.inputs[0]!.shape.length),
        call.outputs[0]!,
        dy!,
      ),
    ],
    // Before opset 13 all axes from `axis` on (default 1) were treated as one.
    upgrade: (g, call, opset) => {
      if (opset >= 13) return call
      const x = inputOf(call, 0)
      const rank = x.shape.length
      const given = call.attributes['axis']
      const axis = axisOf(call, typeof given === 'number' ? given : 1, rank)
      if (axis === rank - 1) return { ...call, attributes: { axis: -1 } }
      const flat = g.op('Flatten', [x], { axis })[0]!
      return [g.reshapeLike(g.op(op, [flat], { axis: -1 })[0]!, x)]
    },
    samples,
  })
}
