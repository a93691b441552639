/** Tracks the nearest adversarial point of each example. */
import { predictedClass } from '../model/predictions.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { distance } from '../threat/verify.ts'
import { attackLosses } from './attack-loss.ts'
import type { AttackTask } from './task.ts'

/** The results of a minimum-norm attack, according to its own passes. */
export interface NearestAdversarial {
  /**
   * `[n, c, h, w]`: the nearest fooling point, bit for bit as recorded, if it lies within ε;
   * otherwise the input.
   */
  readonly adversarial: FloatTensor
  /** `[n]`: distance of the nearest fooling point, within ε or not; Infinity if there is none. */
  readonly distances: Float64Array
  /**
   * Records a point within the bounds with its logits `[k]`. Returns true if it fools the model.
   */
  record(row: number, point: Float32Array, logits: Float32Array): boolean
}

/**
 * Starts with the inputs, and no point recorded.
 * @param confidence κ, 0 or more: a point fools the model if it is misclassified with a margin
 * max_{i≠y} z_i − z_y of at least κ; with 0, the predicted class alone decides
 */
export function trackNearestAdversarial(
  { inputs, labels, threatModel }: AttackTask,
  confidence = 0,
): NearestAdversarial {
  const { norm, epsilon, channels } = threatModel
  const size = sizeOf(inputs.shape.slice(1))
  const adversarial = tensor('float32', inputs.shape, inputs.data.slice())
  const distances = new Float64Array(labels.length).fill(Infinity)
  return {
    adversarial,
    distances,
    record(row, point, logits) {
      const label = labels[row]!
      if (predictedClass(logits) === label) return false
      if (confidence > 0 && attackLosses.margin.value(logits, label) < confidence) return false
      const center = inputs.data.subarray(row * size, (row + 1) * size)
      const away = distance(norm, center, point, channels)
      if (away < distances[row]!) {
        distances[row] = away
        if (away <= epsilon) adversarial.data.set(point, row * size)
      }
      return true
    },
  }
}
