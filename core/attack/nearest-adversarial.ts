/** Keeps for each example the nearest fooling point that an attack has seen. */
import { predictedClass } from '../model/predictions.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { distance } from '../threat/verify.ts'
import { attackLosses } from './attack-loss.ts'
import type { AttackTask } from './task.ts'

/** What a minimum-norm attack found, by its own passes. */
export interface NearestAdversarial {
  /** `[n, c, h, w]`: the nearest fooling point, bit by bit as it was judged, if it lies within ε; else the input. */
  readonly adversarial: FloatTensor
  /** `[n]`: how far the nearest fooling point lies, within ε or not; Infinity where none was seen. */
  readonly distances: Float64Array
  /** Shows a point within the bounds, as the model judges it; true if it fools the model. It is copied if it is kept. */
  offer(row: number, point: Float32Array, logits: Float32Array): boolean
}

/**
 * Nothing found yet: the answers are the inputs.
 * @param confidence κ: a point fools the model if it is misclassified and its margin max over i ≠ y of z_i − z_y is at least that; with 0
 * the predicted class alone decides.
 */
export function trackNearestAdversarial(
  { inputs, labels, threatModel }: AttackTask,
  confidence = 0,
): NearestAdversarial {
  const { norm, epsilon } = threatModel
  const size = sizeOf(inputs.shape.slice(1))
  const adversarial = tensor('float32', inputs.shape, inputs.data.slice())
  const distances = new Float64Array(labels.length).fill(Infinity)
  return {
    adversarial,
    distances,
    offer(row, point, logits) {
      const label = labels[row]!
      if (predictedClass(logits) === label) return false
      if (confidence > 0 && attackLosses.margin.value(logits, label) < confidence) return false
      const away = distance(norm, inputs.data.subarray(row * size, (row + 1) * size), point)
      if (away < distances[row]!) {
        distances[row] = away
        if (away <= epsilon) adversarial.data.set(point, row * size)
      }
      return true
    },
  }
}
