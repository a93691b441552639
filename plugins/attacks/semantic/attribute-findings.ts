/** Keeps for each example the strongest point under an attribute transform, and the attributes that led to it. */
import { attackLosses, predictedClass } from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { sizeOf, tensor } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import type { AttributeEvidence, AttributeRanges } from '../../../core/api/plugin.ts'
import { attributes, requireAttributeRanges } from '../../../core/api/transforms.ts'
import type { AttributeName } from '../../../core/api/transforms.ts'

/** What an attack under an attribute transform returns: the points, and the values with which the host repeats their transforms. */
export interface AttributeResult {
  /** `[n, c, h, w]`: the first misclassified point, or else the one with the largest margin; the input where none was seen. */
  readonly adversarial: FloatTensor
  readonly transform: AttributeEvidence
}

export interface StrongestAttributes {
  readonly answer: AttributeResult
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
