/** Predicted classes. */
import type { FloatTensor } from '../engine/tensor/tensor.ts'

/** The predicted classes `[n]` of logits `[n, k]`. Ties go to the first class. */
export function predictions(logits: FloatTensor): Int32Array {
  const [count = 0, classes = 0] = logits.shape
  return Int32Array.from({ length: count }, (_, row) =>
    predictedClass(logits.data.subarray(row * classes, (row + 1) * classes)),
  )
}

/** The predicted class of one example's logits `[k]`. Ties go to the first class. */
export function predictedClass(logits: Float32Array): number {
  let best = 0
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i
  return best
}
