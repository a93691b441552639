/** The examples that an attack may look at beside those it attacks. */
import { gatherRows } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'

/** The examples of the data set, whatever part of it is attacked: the same for every unit of a cell. */
export interface ReferenceExamples {
  readonly count: number
  /** `[rows, c, h, w]` and `[rows]`, copied. @param rows places in the data set, from 0 to count − 1 */
  select(rows: ArrayLike<number>): { readonly inputs: FloatTensor; readonly labels: Int32Array }
}

/** Examples at hand as a reference. @param inputs `[n, c, h, w]`; @param labels `[n]` */
export function referenceExamples(inputs: FloatTensor, labels: Int32Array): ReferenceExamples {
  return {
    count: labels.length,
    select: (rows) => ({
      inputs: gatherRows(inputs, rows),
      labels: Int32Array.from(rows, (row) => labels[row]!),
    }),
  }
}
