/** Random numbers of compiled programs around a stochastic model. */
import { divideDims, type Dim } from '../engine/graph/dim.ts'
import type { Noise } from '../engine/graph/random-operators.ts'
import type { Value } from '../engine/graph/value.ts'
import type { Tensor } from '../engine/tensor/tensor.ts'
import type { NoiseSource } from './noise.ts'

/** The noise of one use of the model in a program. */
export interface PassNoise {
  readonly source: Noise
  /** The placeholder in the program. */
  readonly value: Value
  /** The index of this use of the model. */
  readonly call: number
}

/**
 * The noise to feed. The numbers of a row follow from the rows of all inputs with the same leading
 * size, and from all other inputs in full.
 */
export function drawPasses(
  noise: readonly PassNoise[],
  inputs: readonly Value[],
  feeds: Readonly<Record<string, Tensor>>,
  numbers: NoiseSource,
): Record<string, Tensor> {
  const sizes = symbolSizes(inputs, feeds)
  const drawn: Record<string, Tensor> = {}
  const rowsBySize = new Map<Dim, ReturnType<NoiseSource['rows']>>()
  for (const { source, value, call } of noise) {
    const leading = (source.perExample ? value.shape[0] : inputs[0]?.shape[0]) ?? 1
    let rows = rowsBySize.get(leading)
    if (!rows) {
      const fed = inputs.flatMap(({ node, shape }) => {
        const tensor = feeds[node.name]
        return tensor ? [{ tensor, perExample: shape[0] === leading }] : []
      })
      rows = numbers.rows(rowsOf(leading, sizes), fed)
      rowsBySize.set(leading, rows)
    }
    drawn[value.node.name] = numbers.draw(source, rows, call)
  }
  return drawn
}

/** The size of each symbolic dimension of the inputs in a run. */
export function symbolSizes(
  inputs: readonly Value[],
  feeds: Readonly<Record<string, Tensor>>,
): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  for (const { node, shape } of inputs) {
    shape.forEach((dim, axis) => {
      if (typeof dim === 'string') sizes.set(dim, feeds[node.name]?.shape[axis] ?? 0)
    })
  }
  return sizes
}

/** The value of a dimension (`n`, `3*n`); 0 if its symbol is unknown. */
export function rowsOf(dim: Dim, sizes: ReadonlyMap<string, number>): number {
  if (typeof dim === 'number') return dim
  for (const [symbol, size] of sizes) {
    const factor = divideDims(dim, symbol)
    if (typeof factor === 'number') return factor * size
  }
  return 0
}
