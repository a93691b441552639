/** Moved constants equal what onnxruntime computes from the chain of operators. */
import { expect, test } from 'vitest'
import { foldMovements } from '../../../../core/engine/graph/fold-movements.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { topologicalOrder, type Value } from '../../../../core/engine/graph/value.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'

const sizes = [16, 12, 5, 5]
const numbers = Float32Array.from({ length: 16 * 12 * 25 }, (_, i) => i)
const weight = g.constant(float32(sizes, numbers))
const end = Number.MIN_SAFE_INTEGER

const chains: Readonly<Record<string, (w: Value) => Value>> = {
  'a flipped kernel with swapped channels': (w) =>
    g.transpose(g.slice(w, [-1, -1], [end, end], [2, 3], [-1, -1]), [1, 0, 2, 3]),
  'a flipped kernel with another axis, transposed': (w) => {
    const flipped = g.slice(w, [-1, -1], [end, end], [2, 3], [-1, -1])
    return g.transpose(g.reshape(flipped, [1, 16, 12, 1, 5, 5]), [0, 2, 1, 5, 4, 3])
  },
  'all of it in another shape': (w) => g.reshape(w, [192, 25]),
  'all of it backwards': (w) => g.slice(g.reshape(w, [-1]), [-1], [end], [0], [-1]),
  'taps before channels': (w) => g.transpose(g.reshape(w, [192, 25]), [1, 0]),
  'a transpose, then a shape that cuts across it': (w) =>
    g.reshape(g.transpose(w, [2, 0, 3, 1]), [80, -1]),
  'every other column, from the second one on': (w) =>
    g.reshape(g.slice(w, [1, 2], [5, 9], [3, 1], [2, 3]), [-1]),
  'a negative axis, and an end beyond the size': (w) => g.slice(w, [2], [99], [-2]),
  'an axis in groups': (w) =>
    g.reshape(g.transpose(g.reshape(w, [4, 4, 12, 5, 5]), [0, 2, 1, 3, 4]), [48, 4, 5, 5]),
}

test.each(Object.entries(chains))('%s', async (_, chain) => {
  const moved = chain(weight)
  const x = g.input('x', 'float32', [])
  const [y] = foldMovements([g.add(moved, x)])
  const operators = topologicalOrder([y!]).map(({ op }) => op)
  expect(operators.toSorted()).toEqual(['Add', 'Constant', 'Input'])
  const unchanged = toOnnx({ y: g.add(moved, x) }, [x])
  const reference = await (await Session.load(unchanged)).run({ x: float32([], [0]) })
  expect(y!.node.inputs[0]!.shape).toEqual(reference['y']!.shape)
  expect(y!.node.inputs[0]!.node.tensor!.data).toEqual(reference['y']!.data)
})

test('small constants and values of inputs are left to onnxruntime', () => {
  const small = g.constant(float32([2, 3], [1, 2, 3, 4, 5, 6]))
  const x = g.input('x', 'float32', [3, 2])
  const kept = [g.add(g.transpose(small, [1, 0]), x), g.transpose(x, [1, 0])]
  expect(foldMovements(kept)).toEqual(kept)
})

test('a chain with several uses becomes one constant', () => {
  const moved = g.transpose(weight, [1, 0, 2, 3])
  const x = g.input('x', 'float32', [])
  const [a, b] = foldMovements([g.add(moved, x), g.mul(moved, x)])
  expect(a!.node.inputs[0]).toBe(b!.node.inputs[0])
})
