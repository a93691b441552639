/** Linear operators after products with constant matrices, as part of the matrices. */
import { g } from './graph.ts'
import { numbersOf } from './operator-call.ts'
import { isConstant } from './ops/blocked.ts'
import { countUses, rewrite } from './rewrite.ts'
import type { Node, Value } from './value.ts'

/**
 * Computes y·c and y − mean(y) along the last axis, where y is a product with a constant matrix and
 * c a constant vector, by the product: the matrix is scaled or centered instead, which onnxruntime
 * does once, when it loads the graph. They occur in the gradient of a layer normalization before a
 * linear layer. Outputs differ by rounding.
 */
export function foldIntoProducts(values: readonly Value[]): Value[] {
  const uses = countUses(values)
  return rewrite(values, (node, inputs) => {
    const [x, other] = inputs
    if (node.op === 'Mul' && x && other && isRow(other, x) && uses.get(node.inputs[0]!) === 1) {
      return changed(x, (matrix) => g.mul(matrix, other))
    }
    if (node.op === 'Sub' && x && isMeanOf(node, uses)) {
      return changed(x, (matrix) => g.sub(matrix, g.reduceMean(matrix, [1], true)))
    }
    return undefined
  })
}

/** Whether a value is a constant with one element for each place of the last axis. */
function isRow({ node, shape }: Value, x: Value): boolean {
  const size = x.shape.at(-1)
  return isConstant(node) && shape.length === 1 && shape[0] === size && size !== 1
}

/** Whether a node is y − mean(y) along the last axis, and y has no other use. */
function isMeanOf({ inputs: [y, mean] }: Node, uses: ReadonlyMap<Value, number>): boolean {
  if (mean?.node.op !== 'ReduceMean' || mean.node.inputs[0] !== y || !y) return false
  const axes = mean.node.inputs[1]?.contents
  const last = y.shape.length - 1
  const isLast = axes?.length === 1 && (axes[0] === last || axes[0] === -1)
  const keeps = mean.shape.length === y.shape.length
  return isLast && keeps && uses.get(y) === 2 && uses.get(mean) === 1
}

/**
 * A value with another matrix, if it is a product with a constant one, possibly with its rows in
 * another order.
 */
function changed(value: Value, change: (matrix: Value) => Value): readonly Value[] | undefined {
  const { op, inputs } = value.node
  const [x, matrix] = inputs
  if (op === 'MatMul' && matrix && isConstant(matrix.node) && matrix.shape.length === 2) {
    return [g.matMul(x!, change(matrix))]
  }
  const perm = numbersOf(value.node, 'perm')
  if (op !== 'Transpose' || !perm || perm.at(-1) !== perm.length - 1) return undefined
  const source = changed(x!, change)
  return source && [g.transpose(source[0]!, perm)]
}
