/** Keeps for each example the strongest point under an attribute transform, and the attributes that led to it. */
import { predictedClass } from '../../../core/model/predictions.ts'
import { ConfigError } from '../../../core/base/errors.ts'
import { sizeOf, tensor } from '../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { requireAttributeRanges } from '../../../core/threat/attribute-transform.ts'
import { attributes } from '../../../core/threat/attributes.ts'
import type { AttributeName } from '../../../core/threat/attributes.ts'
import type { AttributeEvidence } from '../../../core/threat/evidence.ts'
import type { AttributeRanges } from '../../../core/threat/threat-model.ts'
import { attackLosses } from '../../../core/attack/attack-loss.ts'
import type { AttackTask } from '../../../core/attack/task.ts'

/** What an attack under an attribute transform returns: the points, and the values with which the host repeats their transforms. */
export interface AttributeAnswer {
  /** `[n, c, h, w]`: the first misclassified point, or else the one with the largest margin; the input where none was seen. */
  readonly adversarial: FloatTensor
  readonly transform: AttributeEvidence
}

export interface StrongestAttributes {
  readonly answer: AttributeAnswer
  /** Shows a point, as the model judges it; true if it is misclassified. It is copied if it is kept. @param values one for each name */
  offer(row: number, point: Float32Array, values: Float32Array, logits: Float32Array): boolean
}

/** Nothing found yet: the answers are the inputs, and their attributes neutral. @param names those that the attack changes */
export function keepStrongestAttributes(
  { inputs, labels }: AttackTask,
  names: readonly AttributeName[],
): StrongestAttributes {
  const size = sizeOf(inputs.shape.slice(1))
  const adversarial = tensor('float32', inputs.shape, inputs.data.slice())
  const kept = names.map((name) => new Float32Array(labels.length).fill(attributes[name].neutral))
  const named = Object.fromEntries(names.map((name, i) => [name, kept[i]!]))
  const largest = new Float64Array(labels.length).fill(-Infinity)
  return {
    answer: { adversarial, transform: { kind: 'attribute', values: named } },
    offer(row, point, values, logits) {
      const label = labels[row]!
      const misclassified = predictedClass(logits) !== label
      // No margin is above that of the first misclassified point.
      const margin = misclassified ? Infinity : attackLosses.margin.value(logits, label)
      if (margin > largest[row]!) {
        largest[row] = margin
        adversarial.data.set(point, row * size)
        kept.forEach((column, i) => {
          column[row] = values[i]!
        })
      }
      return misclassified
    },
  }
}

/**
 * The ranges of the task's threat model.
 * @throws ConfigError ROBENCH_CONFIG if it has another transform or none, or ranges that the inputs cannot have
 */
export function attributeRangesOf({ threatModel, inputs }: AttackTask): AttributeRanges {
  const { transform } = threatModel
  if (transform?.kind !== 'attribute') {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `expected a threat model with the transform "attribute", got ${transform ? `"${transform.kind}"` : 'none'}; state ranges of attributes in its transform`,
    )
  }
  requireAttributeRanges(transform.ranges, inputs.shape)
  return transform.ranges
}

/** The value within its attribute's range, ends rounded to float32 as the host does. */
export function withinRange(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(Math.max(Math.fround(value), Math.fround(low)), Math.fround(high))
}
