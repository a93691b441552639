/** The losses that gradient attacks raise: as expressions for the gradient, and in plain numbers to compare iterates. */
import type { JSONSchema } from 'json-schema-to-ts'
import { crossEntropy, margin } from '../model/losses.ts'
import type { Loss } from '../model/model.ts'

export type AttackLossName = 'cross-entropy' | 'margin'

export interface AttackLoss {
  readonly expression: Loss
  /** The same in float64 for one example's logits `[k]`, so that iterates of any pass compare by one formula. */
  value(logits: Float32Array, label: number): number
}

export const attackLosses: Readonly<Record<AttackLossName, AttackLoss>> = {
  // log Σ exp z − z_y
  'cross-entropy': {
    expression: crossEntropy,
    value(logits, label) {
      let largest = -Infinity
      for (const logit of logits) largest = Math.max(largest, logit)
      let sum = 0
      for (const logit of logits) sum += Math.exp(logit - largest)
      return largest + Math.log(sum) - logits[label]!
    },
  },
  // max of z_i over i ≠ y, − z_y
  margin: {
    expression: margin,
    value(logits, label) {
      let rival = -Infinity
      for (let i = 0; i < logits.length; i++) if (i !== label) rival = Math.max(rival, logits[i]!)
      return rival - logits[label]!
    },
  },
}

/** JSON Schema of the option `loss`. */
export const lossSchema = {
  enum: ['cross-entropy', 'margin'],
  default: 'cross-entropy',
  description: 'the loss to raise; margin does not vanish where a model is very sure',
} as const satisfies JSONSchema
