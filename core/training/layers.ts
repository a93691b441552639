/** Layers: functions of expressions that create their parameters in a scope. */
import { g } from '../engine/graph/graph.ts'
import { shapeError } from '../engine/graph/operator-call.ts'
import { formatShape } from '../engine/graph/dim.ts'
import type { Value } from '../engine/graph/value.ts'
import { heNormal, ones, uniformFanIn, zeros } from './initializers.ts'
import type { Initializer, LayerScope } from './scope.ts'

/** Options of `convolution`. */
export interface ConvolutionLayer {
  /** Output channels. */
  readonly channels: number
  /** Width and height of the kernel. */
  readonly kernel: number
  /** Default 1. */
  readonly stride?: number
  /** Zero padding on every side; default ⌊kernel / 2⌋, which keeps the size at stride 1. */
  readonly pad?: number
  /** Default false. */
  readonly bias?: boolean
}

/** A square convolution: `[n, c, h, w]` to `[n, channels, h′, w′]`. */
export function convolution(scope: LayerScope, x: Value, options: ConvolutionLayer): Value {
  const name = scope.layer('conv')
  const { channels, kernel, stride = 1, pad = Math.floor(kernel / 2), bias = false } = options
  const inputChannels = sizeAt(x, 1)
  const weight = scope.parameter(
    `${name}.weight`,
    [channels, inputChannels, kernel, kernel],
    heNormal,
  )
  const offset = bias ? scope.parameter(`${name}.bias`, [channels], zeros, { decays: false }) : null
  return g.conv(x, weight, offset, { strides: [stride, stride], pads: [pad, pad, pad, pad] })
}

/** Options of `transposedConvolution`. */
export interface TransposedConvolutionLayer {
  /** Output channels. */
  readonly channels: number
  /** Width and height of the kernel. */
  readonly kernel: number
  /** Default 1. */
  readonly stride?: number
  /** Cropped from every side of the output; default 0. */
  readonly pad?: number
}

/**
 * The adjoint of a convolution: `[n, c, h, w]` to `[n, channels, (h − 1)·stride + kernel − 2·pad,
 * …]`. Kernel 4, stride 2 and pad 1 double the size.
 */
export function transposedConvolution(
  scope: LayerScope,
  x: Value,
  { channels, kernel, stride = 1, pad = 0 }: TransposedConvolutionLayer,
): Value {
  const shape = [sizeAt(x, 1), channels, kernel, kernel]
  const weight = scope.parameter(`${scope.layer('deconv')}.weight`, shape, heNormal)
  return g.convTranspose(x, weight, { strides: [stride, stride], pads: [pad, pad, pad, pad] })
}

/**
 * Batch normalization (Ioffe and Szegedy 2015, arXiv:1502.03167): with the batch's statistics in
 * training, with running statistics (momentum 0.9) at inference. Each `branch` of the scope has
 * its own scale, bias and statistics (split batch normalization, Xie et al. 2020,
 * arXiv:1911.09665).
 * @param x `[n, c, …]` @param epsilon added to the variance; default 1e-5
 */
export function batchNormalization(scope: LayerScope, x: Value, epsilon = 1e-5): Value {
  const name = normalizationName(scope, 'norm')
  const channels = sizeAt(x, 1)
  const scale = scope.parameter(`${name}.scale`, [channels], ones, { decays: false })
  const bias = scope.parameter(`${name}.bias`, [channels], zeros, { decays: false })
  return normalizeBatch(scope, x, { name, scale, bias, epsilon })
}

/**
 * Batch normalization whose scale and bias are the sums of a shared vector and one per class
 * (Miyato and Koyama 2018, arXiv:1802.05637).
 * @param classMask `[n, k]` float32: 1 at the class of each example, else 0
 */
export function classConditionalNormalization(
  scope: LayerScope,
  x: Value,
  classMask: Value,
): Value {
  const name = normalizationName(scope, 'classnorm')
  const channels = sizeAt(x, 1)
  const table = [sizeAt(classMask, 1), channels]
  const affine = (kind: string, shared: Initializer): Value => {
    const own = scope.parameter(`${name}.${kind}.class`, table, zeros, { decays: false })
    const base = scope.parameter(`${name}.${kind}`, [channels], shared, { decays: false })
    return g.unsqueeze(g.add(g.matMul(classMask, own), base), [2, 3])
  }
  const scale = affine('scale', ones)
  const bias = affine('bias', zeros)
  const unit = (value: number): Value => g.floats([channels], Array(channels).fill(value))
  const normalized = normalizeBatch(scope, x, {
    name,
    scale: unit(1),
    bias: unit(0),
    epsilon: 1e-5,
  })
  return g.add(g.mul(normalized, scale), bias)
}

/** `[n, k]` float32 of labels `[n]`: 1 at the label, else 0. */
export function oneHot(labels: Value, classes: number): Value {
  const numbers = g.integers(Array.from({ length: classes }, (_, k) => k))
  return g.cast(g.equal(g.unsqueeze(labels, [1]), numbers), 'float32')
}

/**
 * Group normalization (Wu and He 2018, arXiv:1803.08494): mean 0 and variance 1 over each example's
 * groups of channels. It does not mix examples and is the same in training and at inference.
 */
export function groupNormalization(scope: LayerScope, x: Value, groups: number): Value {
  const name = scope.layer('groupnorm')
  const [channels, height, width] = [1, 2, 3].map((axis) => sizeAt(x, axis)) as [
    number,
    number,
    number,
  ]
  if (channels % groups !== 0) {
    throw shapeError(
      { op: 'layer' },
      `expected a number of groups that divides the ${channels} channels, got ${groups}`,
    )
  }
  const scale = scope.parameter(`${name}.scale`, [channels, 1, 1], ones, { decays: false })
  const bias = scope.parameter(`${name}.bias`, [channels, 1, 1], zeros, { decays: false })
  const grouped = g.reshape(x, [-1, groups, (channels / groups) * height * width])
  const centered = g.sub(grouped, g.reduceMean(grouped, [2], true))
  const variance = g.reduceMean(g.mul(centered, centered), [2], true)
  const normalized = g.div(centered, g.sqrt(g.add(variance, 1e-5)))
  return g.add(g.mul(g.reshape(normalized, [-1, channels, height, width]), scale), bias)
}

function normalizationName(scope: LayerScope, kind: string): string {
  const name = scope.layer(kind)
  return scope.branch === undefined ? name : `${name}.${scope.branch}`
}

function normalizeBatch(
  scope: LayerScope,
  x: Value,
  {
    name,
    scale,
    bias,
    epsilon,
  }: {
    readonly name: string
    readonly scale: Value
    readonly bias: Value
    readonly epsilon: number
  },
): Value {
  const channels = sizeAt(x, 1)
  const mean = scope.statistic(`${name}.mean`, [channels], zeros)
  const variance = scope.statistic(`${name}.variance`, [channels], ones)
  const outputs = g.op('BatchNormalization', [x, scale, bias, mean, variance], {
    epsilon,
    training_mode: scope.training ? 1 : 0,
  })
  if (scope.training) {
    scope.update(`${name}.mean`, outputs[1]!)
    scope.update(`${name}.variance`, outputs[2]!)
  }
  return outputs[0]!
}

/** A fully connected layer: `[n, d]` to `[n, features]`. */
export function linear(
  scope: LayerScope,
  x: Value,
  features: number,
  initialize: Initializer = uniformFanIn,
): Value {
  const name = scope.layer('linear')
  const weight = scope.parameter(`${name}.weight`, [features, sizeAt(x, 1)], initialize)
  const bias = scope.parameter(`${name}.bias`, [features], zeros, { decays: false })
  return g.gemm(x, weight, bias, { transB: 1 })
}

/** `[n, c, h, w]` to `[n, c·h·w]`. */
export function flatten(x: Value): Value {
  return g.op('Flatten', [x])[0]!
}

/** The mean over height and width: `[n, c, h, w]` to `[n, c]`. */
export function globalAverage(x: Value): Value {
  return flatten(g.globalAveragePool(x))
}

function sizeAt(x: Value, axis: number): number {
  const size = x.shape[axis]
  if (typeof size !== 'number') {
    throw shapeError(
      { op: 'layer' },
      `axis ${axis} of ${formatShape(x.shape)} must have a known size`,
    )
  }
  return size
}
