/** Keeps for each example the strongest point that an attack has seen. */
import { predictedClass } from '../model/predictions.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { attackLosses } from './attack-loss.ts'
import type { AttackTask } from './task.ts'

/** What an untargeted attack found: of each example, by the attack's own passes. */
export interface AttackFindings {
  /** `[n, c, h, w]`: the first misclassified point, or else the one with the largest margin; the input where none was seen. */
  readonly adversarial: FloatTensor
  /** `[n]`: 1 where that point is misclassified. */
  readonly fooled: Uint8Array
  /** `[n]`: max_{i≠y} z_i − z_y at that point; −Infinity where none was seen. */
  readonly margins: Float64Array
}

export interface BestAdversarial {
  readonly findings: AttackFindings
  /** Shows a point of the ball, as the model judges it; true if it is misclassified. It is copied if it is kept. */
  offer(row: number, point: Float32Array, logits: Float32Array): boolean
}

/** Nothing found yet: the answers are the inputs. */
export function trackBestAdversarial({ inputs, labels }: AttackTask): BestAdversarial {
  const size = sizeOf(inputs.shape.slice(1))
  const adversarial = tensor('float32', inputs.shape, inputs.data.slice())
  const fooled = new Uint8Array(labels.length)
  const margins = new Float64Array(labels.length).fill(-Infinity)
  return {
    findings: { adversarial, fooled, margins },
    offer(row, point, logits) {
      const label = labels[row]!
      const misclassified = predictedClass(logits) !== label
      const margin = attackLosses.margin.value(logits, label)
      if (misclassified || (fooled[row] === 0 && margin > margins[row]!)) {
        adversarial.data.set(point, row * size)
        margins[row] = margin
        if (misclassified) fooled[row] = 1
      }
      return misclassified
    },
  }
}
