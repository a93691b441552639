/** Normalization by the statistics of each example: of layers, instances, groups, and channels. */
import { multiplyDims } from '../dim.ts'
import { defineFunction, defineOp, float, int, ints, since } from '../operator.ts'
import { axisOf, inputOf, numberOf, numbersOf, shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

/**
 * Inputs x, scale and optionally bias, the last two of the shape of the axes from `axis` on.
 * y = scale·x̂ + bias with x̂ = (x − μ)·r, r = 1/√(σ² + ε). Outputs 1 and 2 are μ and r.
 */
export const LayerNormalization = defineOp({
  op: 'LayerNormalization',
  attributes: { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
  optionalOutputs: true,
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const axes = axesFrom(call)
    const statistic = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    return [
      { dtype, shape },
      { dtype, shape: statistic },
      { dtype, shape: statistic },
    ]
  },
  vjp: (g, call, [dy, dMean, dInverse]) => {
    const [x, scale] = [inputOf(call, 0), inputOf(call, 1)]
    const [, mean, inverse] = call.outputs as readonly [Value, Value, Value]
    const axes = axesFrom(call)
    const normalized = g.mul(g.sub(x, mean), inverse)
    const parts: Value[] = []
    if (dy && call.wanted[0])
      parts.push(normalizedGradient(g, g.mul(dy, scale), { normalized, inverse, axes }))
    const share = 1 / sizeAlong(call, axes)
    if (dMean) parts.push(g.expandLike(g.mul(dMean, share), x))
    // dr/dx = −r²·x̂ / number of elements
    if (dInverse)
      parts.push(g.mul(normalized, g.mul(g.mul(dInverse, g.mul(inverse, inverse)), -share)))
    return [
      parts.length > 0 ? parts.reduce((sum, part) => g.add(sum, part)) : null,
      dy && call.wanted[1] ? g.mul(dy, normalized) : null,
      dy ?? null,
    ]
  },
  // Of set 17, but onnxruntime's optimizer writes it in files of any set.
  samples: [
    { inputs: [[3, 5], [5], [5]] },
    {
      inputs: [
        [2, 3, 4],
        [3, 4],
      ],
      attributes: { axis: 1, epsilon: 0.1 },
    },
  ],
})

/** LayerNormalization per channel: x `[n, c, …]`, scale and bias `[c]`. */
export const InstanceNormalization = defineOp({
  op: 'InstanceNormalization',
  attributes: { epsilon: float(1e-5) },
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  vjp: (g, call, [dy]) => {
    const [x, scale] = [inputOf(call, 0), inputOf(call, 1)]
    const axes = axesOf(x, 2)
    const centered = g.sub(x, g.reduceMean(x, axes, true))
    const variance = g.reduceMean(g.mul(centered, centered), axes, true)
    const inverse = g.div(1, g.sqrt(g.add(variance, numberOf(call, 'epsilon'))))
    const normalized = g.mul(centered, inverse)
    const slope = perChannel(g, scale, x)
    const others = [0, ...axes]
    return [
      normalizedGradient(g, g.mul(dy!, slope), { normalized, inverse, axes }),
      call.wanted[1] ? g.reduceSum(g.mul(dy!, normalized), others) : null,
      call.wanted[2] ? g.reduceSum(dy!, others) : null,
    ]
  },
  samples: [
    { inputs: [[2, 3, 4], [3], [3]] },
    { inputs: [[2, 2, 3, 2], [2], [2]], attributes: { epsilon: 0.1 } },
  ],
})

/** Each group of channels has its own statistics. Scale and bias are `[c]`. */
export const GroupNormalization = defineFunction({
  op: 'GroupNormalization',
  attributes: { epsilon: float(1e-5), num_groups: { type: 'int' }, stash_type: int(1) },
  body: (g, call) => {
    const [x, scale, bias] = [inputOf(call, 0), inputOf(call, 1), inputOf(call, 2)]
    const groups = numberOf(call, 'num_groups')
    const channels = x.shape[1]
    if (typeof channels !== 'number' || channels % groups !== 0)
      throw shapeError(call, `${channels} channels are not a multiple of ${groups} groups`)
    const fill = (value: number): Value =>
      g.cast(
        g.floats(
          [groups],
          Array.from({ length: groups }, () => value),
        ),
        x.dtype,
      )
    const grouped = g.reshape(x, [0, groups, -1])
    const epsilon = numberOf(call, 'epsilon')
    const [y] = g.op('InstanceNormalization', [grouped, fill(1), fill(0)], { epsilon })
    const slope = perChannel(g, scale, x)
    return [g.add(g.mul(g.reshapeLike(y!, x), slope), perChannel(g, bias, x))]
  },
  // Before opset 21 scale and bias had one element per group.
  upgrade: (g, call, opset) => {
    if (opset >= 21) return call
    const [x, ...parameters] = call.inputs
    const groups = Number(call.attributes['num_groups'])
    const size = Number(x?.shape[1]) / groups
    const spread = (value: Value): Value =>
      g.reshape(g.op('Expand', [g.unsqueeze(value, [1]), g.integers([groups, size])])[0]!, [-1])
    return {
      inputs: [x!, ...parameters.map((value) => spread(value!))],
      attributes: call.attributes,
    }
  },
  opsets: since(18),
  samples: [
    { inputs: [[2, 4, 3], [4], [4]], attributes: { num_groups: 2 } },
    { inputs: [[1, 6, 2, 2], [6], [6]], attributes: { num_groups: 3, epsilon: 0.1 } },
  ],
})

/** y = scale·x / √(mean x² + ε) over the axes from `axis` on. */
export const RMSNormalization = defineFunction({
  op: 'RMSNormalization',
  attributes: { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const square = g.reduceMean(g.mul(x, x), axesFrom(call), true)
    const root = g.sqrt(g.add(square, numberOf(call, 'epsilon')))
    return [g.mul(g.div(x, root), inputOf(call, 1))]
  },
  opsets: since(23),
  samples: [
    { inputs: [[3, 5], [5]] },
    {
      inputs: [
        [2, 3, 4],
        [3, 4],
      ],
      attributes: { axis: 1, epsilon: 0.1 },
    },
  ],
})

/** y = (x − μ) / (σ + 10⁻⁹) over the axes. With the default axes, examples of a batch mix. */
export const MeanVarianceNormalization = defineFunction({
  op: 'MeanVarianceNormalization',
  attributes: { axes: ints([0, 2, 3]) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const axes = numbersOf(call, 'axes')!.map((axis) => axisOf(call, axis, x.shape.length))
    // The name leads from a reduction over the batch back to this node.
    const mean = g.op('ReduceMean', [x, g.integers(axes)], { keepdims: 1 }, call.name)[0]!
    const centered = g.sub(x, mean)
    const variance = g.reduceMean(g.mul(centered, centered), axes, true)
    return [g.div(centered, g.add(g.sqrt(g.max(variance, 1e-30)), 1e-9))]
  },
  opsets: since(9),
  samples: [{ inputs: [[2, 3, 2, 2]] }, { inputs: [[2, 3, 4]], attributes: { axes: [-1] } }],
})

/**
 * y = x·s^(−β), s = k + α/size·Σx² over `size` adjacent channels. The sum over channels is a
 * product with a band matrix.
 */
export const LRN = defineOp({
  op: 'LRN',
  attributes: { alpha: float(1e-4), beta: float(0.75), bias: float(1), size: { type: 'int' } },
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  vjp: (g, call, [dy]) => {
    const x = inputOf(call, 0)
    const [beta, size] = [numberOf(call, 'beta'), numberOf(call, 'size')]
    const share = numberOf(call, 'alpha') / size
    const channels = x.shape[1]
    if (typeof channels !== 'number')
      throw shapeError(call, 'the number of channels must be known before the run')
    const before = Math.floor((size - 1) / 2)
    const band = Array.from({ length: channels * channels }, (_, i) => {
      const offset = (i % channels) - Math.floor(i / channels)
      return offset >= -before && offset < size - before ? 1 : 0
    })
    const window = g.cast(g.floats([channels, channels], band), x.dtype)
    const over = (matrix: Value, value: Value): Value =>
      g.reshapeLike(g.matMul(matrix, g.reshape(value, [0, channels, -1])), x)
    const scale = g.add(g.mul(over(window, g.mul(x, x)), share), numberOf(call, 'bias'))
    const factor = g.pow(scale, -beta)
    // dx = s^(−β)·dy − 2αβ/size·x·Σᵀ(dy·x·s^(−β−1))
    const inner = g.div(g.mul(g.mul(dy!, x), factor), scale)
    const through = g.mul(g.mul(x, over(g.transpose(window, [1, 0]), inner)), 2 * share * beta)
    return [g.sub(g.mul(dy!, factor), through)]
  },
  samples: [
    { inputs: [[2, 5, 2, 2]], attributes: { size: 3, alpha: 0.5 } },
    { inputs: [[2, 4, 3, 2]], attributes: { size: 5, alpha: 2, beta: 0.5, bias: 0.8 } },
  ],
})

interface Normalized {
  /** x̂. */
  readonly normalized: Value
  /** r, with normalized axes of size 1. */
  readonly inverse: Value
  readonly axes: readonly number[]
}

/**
 * dx = r·(u − x̂·mean(u·x̂)) with u = dx̂ − mean(dx̂). Where dx̂ comes from a product with a constant
 * matrix, sessions compute u by the product (`products.ts`).
 */
function normalizedGradient(
  g: Builder,
  upstream: Value,
  { normalized, inverse, axes }: Normalized,
): Value {
  const centered = g.sub(upstream, g.reduceMean(upstream, axes, true))
  const along = g.mul(normalized, g.reduceMean(g.mul(centered, normalized), axes, true))
  return g.mul(inverse, g.sub(centered, along))
}

function axesFrom(call: Call): number[] {
  const x = inputOf(call, 0)
  return axesOf(x, axisOf(call, numberOf(call, 'axis'), x.shape.length))
}

/** The axes of x from `first` on. */
function axesOf(x: Value, first: number): number[] {
  return x.shape.flatMap((_, axis) => (axis >= first ? [axis] : []))
}

function sizeAlong(call: Call, axes: readonly number[]): number {
  const size = multiplyDims(axes.map((axis) => inputOf(call, 0).shape[axis]!))
  if (typeof size === 'number') return size
  throw shapeError(call, 'normalized axes must have sizes known before the run')
}

/** `[c]` as `[c, 1, …]`, for broadcasting over x. */
function perChannel(g: Builder, value: Value, x: Value): Value {
  const spatial = axesOf(x, 2).map((axis) => axis - 1)
  return spatial.length === 0 ? value : g.unsqueeze(value, spatial)
}
