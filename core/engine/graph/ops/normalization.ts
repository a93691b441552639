/** Batch normalization, at inference and in training. */
import { defineOp, float, int } from '../operator.ts'
import { inputOf, numberOf, shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import { knownSize } from '../dim.ts'
import type { Value } from '../value.ts'

const vector = (
  low: number,
  high: number,
): { shape: readonly number[]; low: number; high: number } => ({ shape: [3], low, high })
const inputs = [[4, 3, 2, 2], vector(0.5, 2), vector(-1, 1), vector(-1, 1), vector(0.5, 2)] as const

/**
 * Inputs x `[n, c, …]`, scale, bias, mean, variance (each `[c]`). At inference y = scale·(x −
 * mean)/√(variance + ε) + bias. Training uses the mean and biased variance of the batch, and
 * outputs 1 and 2 are the running ones, `momentum`·old + (1 − `momentum`)·batch. As in onnxruntime,
 * the running variance uses the biased estimate; that of PyTorch uses the unbiased one.
 */
export const BatchNormalization = defineOp({
  op: 'BatchNormalization',
  except: 'not with `spatial` = 0 of operator sets before 9',
  attributes: { epsilon: float(1e-5), momentum: float(0.9), training_mode: int(0) },
  infer: (call) => {
    const [x, scale] = [inputOf(call, 0), inputOf(call, 1)]
    const y = { dtype: x.dtype, shape: x.shape }
    return numberOf(call, 'training_mode')
      ? [y, { dtype: scale.dtype, shape: scale.shape }, { dtype: scale.dtype, shape: scale.shape }]
      : [y]
  },
  vjp: (g, call, [dy]) =>
    numberOf(call, 'training_mode')
      ? trainingGradient(g, call, dy!)
      : inferenceGradient(g, call, dy!),
  lower: (g, call) => {
    if (!numberOf(call, 'training_mode'))
      return g.op('BatchNormalization', call.inputs, call.attributes)
    const [x, scale, bias, mean, variance] = call.inputs as readonly Value[]
    const batch = statistics(g, x!)
    const epsilon = numberOf(call, 'epsilon')
    const y = g.op('BatchNormalization', [x!, scale!, bias!, batch.mean, batch.variance], {
      epsilon,
    })[0]!
    const momentum = numberOf(call, 'momentum')
    const blend = (old: Value, now: Value): Value =>
      g.add(g.mul(old, momentum), g.mul(now, 1 - momentum))
    return [y, blend(mean!, batch.mean), blend(variance!, batch.variance)]
  },
  // Before opset 9 `spatial` existed; only its default makes sense for images.
  upgrade: (_g, call) => {
    if (call.attributes['spatial'] === 0)
      throw shapeError(call, 'spatial = 0 (statistics per pixel) is not supported')
    const {
      spatial: _spatial,
      consumed_inputs: _consumed,
      is_test: _test,
      ...attributes
    } = call.attributes
    return { inputs: call.inputs, attributes }
  },
  samples: [{ inputs }, { inputs, attributes: { training_mode: 1 } }],
})

// dx = scale·r·dy with r = 1/√(variance + ε)
function inferenceGradient(
  g: Builder,
  call: Call & { readonly wanted: readonly boolean[] },
  dy: Value,
): readonly (Value | null)[] {
  const [x, scale, , mean, variance] = call.inputs as readonly Value[]
  const inverse = inverseDeviation(g, variance!, numberOf(call, 'epsilon'))
  const slope = g.mul(scale!, inverse)
  const dx = call.wanted[0] ? g.mul(dy, perChannel(g, slope, x!)) : null
  if (!call.wanted.slice(1).some(Boolean)) return [dx, null, null, null, null]
  const axes = otherAxes(x!)
  const dBias = g.reduceSum(dy, axes)
  // Σ dy·(x − mean), used by the gradients of scale and variance.
  const moment = g.reduceSum(g.mul(dy, g.sub(x!, perChannel(g, mean!, x!))), axes)
  const dScale = g.mul(moment, inverse)
  const dMean = g.neg(g.mul(dBias, slope))
  const dVariance = g.mul(
    g.mul(g.mul(moment, scale!), g.mul(inverse, g.mul(inverse, inverse))),
    -0.5,
  )
  return [dx, dScale, dBias, dMean, dVariance]
}

// With x̂ = (x − μ)·r: dx = scale·r·(dy − mean(dy) − x̂·mean(dy·x̂)), an affine map of dy and x per
// channel.
function trainingGradient(g: Builder, call: Call, dy: Value): readonly (Value | null)[] {
  const [x, scale] = call.inputs as readonly Value[]
  const axes = otherAxes(x!)
  const { mean, variance } = statistics(g, x!)
  const inverse = inverseDeviation(g, variance, numberOf(call, 'epsilon'))
  const dBias = g.reduceSum(dy, axes)
  const dScale = g.mul(inverse, g.sub(g.reduceSum(g.mul(dy, x!), axes), g.mul(mean, dBias)))
  const slope = g.mul(scale!, inverse)
  const meanOf = (sum: Value): Value => g.div(sum, elementCount(g, x!, axes))
  // dx = slope·dy + factor·x + offset
  const factor = g.neg(g.mul(g.mul(slope, inverse), meanOf(dScale)))
  const offset = g.neg(g.add(g.mul(slope, meanOf(dBias)), g.mul(factor, mean)))
  const dx = g.add(affine(g, dy, slope), affine(g, x!, factor, offset))
  return [dx, dScale, dBias, null, null]
}

/**
 * slope·x + offset per channel as batch normalization at inference: one pass instead of two for a
 * product and a sum.
 */
function affine(g: Builder, x: Value, slope: Value, offset?: Value): Value {
  const channels = x.shape[1] as number
  const fill = (value: number): Value =>
    g.cast(
      g.floats(
        [channels],
        Array.from({ length: channels }, () => value),
      ),
      x.dtype,
    )
  return g.op('BatchNormalization', [x, slope, offset ?? fill(0), fill(0), fill(1)], {
    epsilon: 0,
  })[0]!
}

/** Mean and biased variance per channel, `[c]` each. */
function statistics(g: Builder, x: Value): { mean: Value; variance: Value } {
  const axes = otherAxes(x)
  const mean = g.reduceMean(x, axes)
  const square = g.div(g.reduceSumSquare(x, axes), elementCount(g, x, axes))
  return { mean, variance: g.max(g.sub(square, g.mul(mean, mean)), 0) }
}

/** The number of elements per channel; for a symbolic batch computed at run time. */
function elementCount(g: Builder, x: Value, axes: readonly number[]): Value {
  const sizes = axes.map((axis) => x.shape[axis]!)
  const known = knownSize(sizes)
  if (sizes.every((size) => typeof size === 'number')) return g.scalar(known, x.dtype)
  const batch = g.cast(g.gather(g.shape(x), g.scalar(0, 'int64')), x.dtype)
  return g.mul(batch, known)
}

function inverseDeviation(g: Builder, variance: Value, epsilon: number): Value {
  return g.div(1, g.sqrt(g.add(variance, epsilon)))
}

function otherAxes(x: Value): number[] {
  return x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
}

/** `[c]` as `[c, 1, …]`, for broadcasting over x. */
function perChannel(g: Builder, value: Value, x: Value): Value {
  const spatial = x.shape.length - 2
  return spatial === 0
    ? value
    : g.unsqueeze(
        value,
        Array.from({ length: spatial }, (_, i) => i + 1),
      )
}
