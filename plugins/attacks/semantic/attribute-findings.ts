/** Tracks the best point of each example under an attribute transform, and its attributes. */
import { attackLosses, predictedClass } from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { sizeOf, tensor } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import type { AttributeEvidence, AttributeRanges } from '../../../core/api/plugin.ts'
import { attributes, requireAttributeRanges } from '../../../core/api/transforms.ts'
import type { AttributeName } from '../../../core/api/transforms.ts'

/** The result of an attack under an attribute transform. */
export interface AttributeResult {
  /**
   * `[n, c, h, w]`: the first misclassified point, or else the one with the largest margin; for a
   * stochastic model always the one with the largest margin. The input if no point was recorded.
   */
  readonly adversarial: FloatTensor
  /** Attribute values with which the host repeats each transform. */
  readonly transform: AttributeEvidence
}

/** The best points and their attributes so far. */
export interface BestAttributes {
  readonly result: AttributeResult
  /**
   * Records a point with its logits `[k]`. Returns true if it is misclassified and the model is
   * deterministic, as in `BestAdversarial`. Copies the arrays if the point is the best so far.
   * @param values one for each name
   */
  record(row: number, point: Float32Array, values: Float32Array, logits: Float32Array): boolean
}

/**
 * Starts with the inputs and neutral attributes as the result.
 * @param names attributes that the attack changes
 */
export function trackBestAttributes(
  { model, inputs, labels }: AttackTask,
  names: readonly AttributeName[],
): BestAttributes {
  const size = sizeOf(inputs.shape.slice(1))
  const adversarial = tensor('float32', inputs.shape, inputs.data.slice())
  const best = names.map((name) => new Float32Array(labels.length).fill(attributes[name].neutral))
  const named = Object.fromEntries(names.map((name, i) => [name, best[i]!]))
  const largest = new Float64Array(labels.length).fill(-Infinity)
  return {
    result: { adversarial, transform: { kind: 'attribute', values: named } },
    record(row, point, values, logits) {
      const label = labels[row]!
      const finished = !model.stochastic && predictedClass(logits) !== label
      // Nothing replaces the first misclassified point.
      const margin = finished ? Infinity : attackLosses.margin.value(logits, label)
      if (margin > largest[row]!) {
        largest[row] = margin
        adversarial.data.set(point, row * size)
        best.forEach((column, i) => {
          column[row] = values[i]!
        })
      }
      return finished
    },
  }
}

/**
 * The attribute ranges of the task's threat model.
 * @throws ConfigError ROBENCH_CONFIG if it has no attribute transform, or if the ranges are invalid
 * for the inputs
 */
export function attributeRangesOf({ threatModel, inputs }: AttackTask): AttributeRanges {
  const { transform } = threatModel
  if (transform?.kind !== 'attribute') {
    const kind = transform ? `"${transform.kind}"` : 'none'
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `expected a threat model with transform "attribute", got ${kind}; ` +
        'add a transform with attribute ranges to the threat model',
    )
  }
  requireAttributeRanges(transform.ranges, inputs.shape)
  return transform.ranges
}

/** Clips a value to its attribute's range, with the ends rounded to float32 as in the host. */
export function withinRange(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(Math.max(Math.fround(value), Math.fround(low)), Math.fround(high))
}
