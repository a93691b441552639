/** The arithmetic of a pass. */
import { sizePerExample } from '../engine/graph/dim.ts'
import { topologicalOrder, type Node, type Value } from '../engine/graph/value.ts'

/**
 * Multiplications with an addition of one example in all convolutions and matrix products that the
 * values depend on. Other operators are not counted, and neither are the savings of minimal
 * filtering.
 */
export function multiplyAdds(values: readonly Value[]): number {
  return topologicalOrder(values).reduce((sum, node) => sum + ofNode(node), 0)
}

function ofNode({ op, inputs, outputs, attributes }: Node): number {
  const [a, b] = inputs
  if (!a || !b) return 0
  const output = sizePerExample(outputs[0]!.shape)
  if (op === 'Conv') return output * sizePerExample(b.shape.slice(1))
  if (op === 'ConvTranspose') return sizePerExample(a.shape) * sizePerExample(b.shape.slice(1))
  if (op === 'ConvKernelGradient') {
    const kernel = sizePerExample(outputs[0]!.shape.slice(1))
    return sizePerExample(b.shape) * kernel
  }
  if (op === 'Gemm') return output * sizePerExample([a.shape[attributes['transA'] ? 0 : 1] ?? 1])
  return op === 'MatMul' ? output * sizePerExample([a.shape.at(-1) ?? 1]) : 0
}
