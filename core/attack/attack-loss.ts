/** The losses that gradient attacks raise: as graph expressions, and as plain numbers. */
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

/** Names of the untargeted losses. */
export type AttackLossName = 'cross-entropy' | 'margin' | 'dlr'

/** An untargeted loss. */
export interface AttackLoss {
  readonly expression: Loss
  /**
   * The loss of one example's logits `[k]`, in float64. Iterates from forward passes and gradient
   * passes are compared by this value.
   */
  value(logits: Float32Array, label: number): number
}

/** Names of the targeted losses. */
export type TargetedAttackLossName = 'targeted-margin' | 'dlr-targeted'

/** A loss that needs a target class for each example. */
export interface TargetedAttackLoss {
  readonly expression: TargetedLoss
  /** The loss of one example's logits `[k]`, in float64. */
  value(logits: Float32Array, label: number, target: number): number
}

/** Untargeted losses by name. */
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

/** Targeted losses by name. */
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
    'loss to raise; margin does not vanish where a model is very confident, and dlr is ' +
    'invariant to the scale of the logits',
} as const satisfies JSONSchema

function marginOf(logits: Float32Array, label: number): number {
  let rival = -Infinity
  for (let i = 0; i < logits.length; i++) if (i !== label) rival = Math.max(rival, logits[i]!)
  return rival - logits[label]!
}

/** The `count` largest values in descending order. */
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
