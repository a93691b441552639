/** Layers: functions of expressions that create their parameters in a scope. */
import { g } from '../engine/graph/graph.ts'
import { shapeError } from '../engine/graph/operator-call.ts'
import { formatShape } from '../engine/graph/dim.ts'
import type { Value } from '../engine/graph/value.ts'
import { heNormal, ones, uniformFanIn, zeros } from './initializers.ts'
import type { LayerScope } from './scope.ts'

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

/**
 * Batch normalization (Ioffe and Szegedy 2015, arXiv:1502.03167): with the batch's statistics in
 * training, with running statistics (momentum 0.9) at inference.
 */
export function batchNormalization(scope: LayerScope, x: Value): Value {
  const name = scope.layer('norm')
  const channels = sizeAt(x, 1)
  const scale = scope.parameter(`${name}.scale`, [channels], ones, { decays: false })
  const bias = scope.parameter(`${name}.bias`, [channels], zeros, { decays: false })
  const mean = scope.parameter(`${name}.mean`, [channels], zeros, { trainable: false })
  const variance = scope.parameter(`${name}.variance`, [channels], ones, { trainable: false })
  const outputs = g.op('BatchNormalization', [x, scale, bias, mean, variance], {
    training_mode: scope.training ? 1 : 0,
  })
  if (scope.training) {
    scope.update(`${name}.mean`, outputs[1]!)
    scope.update(`${name}.variance`, outputs[2]!)
  }
  return outputs[0]!
}

/** A fully connected layer: `[n, d]` to `[n, features]`. */
export function linear(scope: LayerScope, x: Value, features: number): Value {
  const name = scope.layer('linear')
  const weight = scope.parameter(`${name}.weight`, [features, sizeAt(x, 1)], uniformFanIn)
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
