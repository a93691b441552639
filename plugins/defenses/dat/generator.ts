/** The adversarial amplitude generator (AAG) of DAT. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { batchNormalization, linear, xavierNormal } from '../../../core/api/training.ts'
import type { LayerScope, Module } from '../../../core/api/training.ts'

/** Slope of the generator's leaky ReLU for negative inputs. */
const negativeSlope = 0.2
/** The authors' code passes 0.8 as the epsilon of batch normalization, and so do we. */
const normalizationEpsilon = 0.8

/** Options of `amplitudeGenerator`. */
export interface GeneratorOptions {
  /** Units of the hidden layers. */
  readonly widths: readonly number[]
  readonly imageShape: readonly [channels: number, height: number, width: number]
}

/**
 * A perceptron from noise `[n, d]` and logits `[n, k]` to an amplitude `[n, c, h, w]` in (0, 1).
 * All hidden layers but the first have batch normalization. The paper's text has four linear
 * layers; the authors' code has five, with widths 128, 256, 512 and 1024.
 * @see Li et al. 2024, section 3.1
 */
export function amplitudeGenerator({
  widths,
  imageShape,
}: GeneratorOptions): Module<[noise: Value, logits: Value], Value> {
  const [channels, height, width] = imageShape
  return {
    name: 'generator',
    build(scope, noise, logits) {
      let x = g.concat([noise, logits], 1)
      widths.forEach((units, layer) => {
        x = hiddenLayer(scope, x, units, layer > 0)
      })
      const amplitude = g.sigmoid(linear(scope, x, channels * height * width, xavierNormal))
      return g.reshape(amplitude, [-1, channels, height, width])
    },
  }
}

function hiddenLayer(scope: LayerScope, x: Value, units: number, normalizes: boolean): Value {
  const linearUnits = linear(scope, x, units, xavierNormal)
  const normalized = normalizes
    ? batchNormalization(scope, linearUnits, normalizationEpsilon)
    : linearUnits
  return g.op('LeakyRelu', [normalized], { alpha: negativeSlope })[0]!
}
