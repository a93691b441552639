/** The examples that an attack may read beside those it attacks. */
import { gatherRows } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'

/** All examples of the data set: the same for every chunk of a cell. */
export interface ReferenceExamples {
  readonly count: number
  /**
   * Copies examples.
   * @param rows positions in the data set, from 0 to count − 1
   * @returns inputs `[rows, c, h, w]` and labels `[rows]`
   */
  select(rows: ArrayLike<number>): { readonly inputs: FloatTensor; readonly labels: Int32Array }
}

/** Arrays as reference examples. @param inputs `[n, c, h, w]` @param labels `[n]` */
export function referenceExamples(inputs: FloatTensor, labels: Int32Array): ReferenceExamples {
  return {
    count: labels.length,
    select: (rows) => ({
      inputs: gatherRows(inputs, rows),
      labels: Int32Array.from(rows, (row) => labels[row]!),
    }),
  }
}
