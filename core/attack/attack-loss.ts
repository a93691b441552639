/** The losses that gradient attacks raise: as expressions for the gradient, and in plain numbers to compare iterates. */
import type { JSONSchema } from 'json-schema-to-ts'
import {
  crossEntropy,
  dlr,
  dlrGuard,
  dlrTargeted,
  margin,
  targetedMargin,
} from '../model/losses.ts'
import type { Loss, TargetedLoss } from '../model/model.ts'

export type AttackLossName = 'cross-entropy' | 'margin' | 'dlr'

export interface AttackLoss {
  readonly expression: Loss
  /** The same in float64 for one example's logits `[k]`, so that iterates of any pass compare by one formula. */
  value(logits: Float32Array, label: number): number
}

export type TargetedAttackLossName = 'targeted-margin' | 'dlr-targeted'

export interface TargetedAttackLoss {
  readonly expression: TargetedLoss
  /** As in `AttackLoss`. */
  value(logits: Float32Array, label: number, target: number): number
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
  margin: { expression: margin, value: marginOf },
  dlr: {
    expression: dlr,
    value(logits, label) {
      if (logits.length < 3) return marginOf(logits, label)
      const [first, , third] = largest(logits, 3)
      return marginOf(logits, label) / (first! - third! + dlrGuard)
    },
  },
}

/** Losses that need a target for each example. */
export const targetedAttackLosses: Readonly<Record<TargetedAttackLossName, TargetedAttackLoss>> = {
  'targeted-margin': {
    expression: targetedMargin,
    value: (logits, label, target) => logits[target]! - logits[label]!,
  },
  'dlr-targeted': {
    expression: dlrTargeted,
    value(logits, label, target) {
      const rise = logits[target]! - logits[label]!
      if (logits.length < 4) return rise
      const [first, , third, fourth] = largest(logits, 4)
      return rise / (first! - (third! + fourth!) / 2 + dlrGuard)
    },
  },
}

/** JSON Schema of the option `loss`. */
export const lossSchema = {
  enum: ['cross-entropy', 'margin', 'dlr'],
  default: 'cross-entropy',
  description:
    'the loss to raise; margin does not vanish where a model is very sure, and dlr is the same for scaled logits',
} as const satisfies JSONSchema

function marginOf(logits: Float32Array, label: number): number {
  let rival = -Infinity
  for (let i = 0; i < logits.length; i++) if (i !== label) rival = Math.max(rival, logits[i]!)
  return rival - logits[label]!
}

/** The `count` largest values, from the largest down. */
function largest(logits: Float32Array, count: number): number[] {
  const found = Array.from({ length: count }, () => -Infinity)
  for (const logit of logits) {
    let place = count
    for (; place > 0 && found[place - 1]! < logit; place--) {
      if (place < count) found[place] = found[place - 1]!
    }
    if (place < count) found[place] = logit
  }
  return found
}
