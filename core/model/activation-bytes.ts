/** The memory that activations take. */
import { sizePerExample } from '../engine/graph/dim.ts'
import { topologicalOrder, type Value } from '../engine/graph/value.ts'
import type { DType } from '../engine/tensor/tensor.ts'

/** Bytes per element; types not listed have 4. */
const widths: Partial<Record<DType, number>> = { bool: 1, int8: 1, uint8: 1, int64: 8, float64: 8 }

/** Bytes of all values of one example between images and logits, each counted once. */
export function activationBytes(logits: Value): number {
  let bytes = 0
  for (const { outputs } of topologicalOrder([logits])) {
    for (const { shape, dtype } of outputs) {
      if (!shape.some((dim) => typeof dim === 'string')) continue
      bytes += (widths[dtype] ?? 4) * sizePerExample(shape)
    }
  }
  return bytes
}
