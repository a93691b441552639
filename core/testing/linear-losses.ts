/** Losses in closed form: value and gradient with respect to one example's logits. */
import { sum } from '../base/sum.ts'
import {
  crossEntropy,
  dlr,
  dlrGuard,
  dlrTargeted,
  margin,
  targetedMargin,
} from '../model/losses.ts'
import type { TargetedLoss } from '../model/model.ts'

/** A loss of one example's logits `[k]` and its gradient; `target` is for targeted losses only. */
export type LossRule = (z: Float32Array, label: number, target: number) => ValueAndGradient

/** The value of a loss and its gradient with respect to the logits. */
export interface ValueAndGradient {
  readonly value: number
  /** `[k]` */
  readonly dz: Float64Array
}

/** z_s − z_y;  d/dz = onehot(s) − onehot(y) */
const difference: LossRule = (z, label, rival) => {
  const dz = new Float64Array(z.length)
  dz[rival]! += 1
  dz[label]! -= 1
  return { value: z[rival]! - z[label]!, dz }
}

const marginRule: LossRule = (z, label) => {
  let rival = label === 0 ? 1 : 0
  for (let k = 0; k < z.length; k++) if (k !== label && z[k]! > z[rival]!) rival = k
  return difference(z, label, rival)
}

/** u / (Σ c_i z_i + e);  d/dz = du / D − u c / D² */
function ratio(
  z: Float32Array,
  { value, dz }: ValueAndGradient,
  coefficients: readonly (readonly [index: number, coefficient: number])[],
): ValueAndGradient {
  let denominator = dlrGuard
  for (const [index, coefficient] of coefficients) denominator += coefficient * z[index]!
  const gradient = dz.map((part) => part / denominator)
  for (const [index, coefficient] of coefficients) {
    gradient[index]! -= (value * coefficient) / denominator ** 2
  }
  return { value: value / denominator, dz: gradient }
}

/** Classes by descending logit; ties by ascending class. */
function order(z: Float32Array): number[] {
  return Array.from(z.keys()).sort((a, b) => z[b]! - z[a]! || a - b)
}

/** The rule of each loss in core/model/losses.ts. */
export const lossRules: ReadonlyMap<TargetedLoss, LossRule> = new Map<TargetedLoss, LossRule>([
  [
    crossEntropy,
    // log Σ exp z − z_y;  d/dz = softmax(z) − onehot(y)
    (z, label) => {
      const largest = Math.max(...z)
      const dz = Float64Array.from(z, (value) => Math.exp(value - largest))
      const total = sum(dz)
      for (let k = 0; k < dz.length; k++) dz[k]! /= total
      dz[label]! -= 1
      return { value: largest + Math.log(total) - z[label]!, dz }
    },
  ],
  [margin, marginRule],
  [targetedMargin, difference],
  [
    dlr,
    (z, label, target) => {
      const rise = marginRule(z, label, target)
      if (z.length < 3) return rise
      const [first, , third] = order(z)
      return ratio(z, rise, [
        [first!, 1],
        [third!, -1],
      ])
    },
  ],
  [
    dlrTargeted,
    (z, label, target) => {
      const rise = difference(z, label, target)
      if (z.length < 4) return rise
      const [first, , third, fourth] = order(z)
      return ratio(z, rise, [
        [first!, 1],
        [third!, -0.5],
        [fourth!, -0.5],
      ])
    },
  ],
])
