/** Tracks the best adversarial point of each example. */
import { predictedClass } from '../model/predictions.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { attackLosses } from './attack-loss.ts'
import type { AttackTask } from './task.ts'

/** The results of an untargeted attack, according to its own passes. */
export interface AttackFindings {
  /**
   * `[n, c, h, w]`: the last misclassified point, or else the point with the largest margin; for a
   * stochastic model always the point with the largest margin. The input if no point was recorded.
   */
  readonly adversarial: FloatTensor
  /** `[n]`: 1 where that point is misclassified. */
  readonly fooled: Uint8Array
  /** `[n]`: max_{i≠y} z_i − z_y at that point; −Infinity if no point was recorded. */
  readonly margins: Float64Array
}

/** The best adversarial points so far. */
export interface BestAdversarial {
  readonly findings: AttackFindings
  /**
   * Records a point of the ball with its logits `[k]`, for a stochastic model a mean over draws.
   * Returns true if the example is finished: if the point is misclassified and the model is
   * deterministic. For a stochastic model, another draw may classify that point correctly, so an
   * attack goes on to points with larger margins.
   */
  record(row: number, point: Float32Array, logits: Float32Array): boolean
}

/** Starts with the inputs, and no point recorded. */
export function trackBestAdversarial({ model, inputs, labels }: AttackTask): BestAdversarial {
  const { stochastic } = model
  const size = sizeOf(inputs.shape.slice(1))
  const adversarial = tensor('float32', inputs.shape, inputs.data.slice())
  const fooled = new Uint8Array(labels.length)
  const margins = new Float64Array(labels.length).fill(-Infinity)
  return {
    findings: { adversarial, fooled, margins },
    record(row, point, logits) {
      const label = labels[row]!
      const misclassified = predictedClass(logits) !== label
      const margin = attackLosses.margin.value(logits, label)
      const isLarger = margin > margins[row]!
      if (stochastic ? isLarger : misclassified || (fooled[row] === 0 && isLarger)) {
        adversarial.data.set(point, row * size)
        margins[row] = margin
        fooled[row] = misclassified ? 1 : 0
      }
      return misclassified && !stochastic
    },
  }
}
