/** Nodes by provider, and what is said about them. */
import { expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { nodesByProvider } from '../../../core/engine/graph/node-placement.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import { describePlacement } from '../../../core/model/placement.ts'

test('onnxruntime counts the nodes of a run by provider and operator', async () => {
  const x = g.input('x', 'float32', ['n', 2])
  const y = g.sub(g.exp(g.sqrt(x)), g.exp(x))
  const placed = await nodesByProvider(
    { y },
    [x],
    { x: float32([1, 2], [1, 2]) },
    { device: 'cpu' },
  )
  const counts = new Map([
    ['Exp', 2],
    ['Sqrt', 1],
    ['Sub', 1],
  ])
  expect(placed).toEqual(new Map([['CPUExecutionProvider', counts]]))
})

test('a remark names the operators that a device leaves to the processor, most first', () => {
  const left = Array.from({ length: 8 }, (_, i) => [`Op${i}`, i + 1] as const)
  const placed = new Map([
    ['CPUExecutionProvider', new Map(left)],
    ['CUDAExecutionProvider', new Map([['Conv', 64]])],
  ])
  expect(describePlacement(placed, 'cuda')).toEqual([
    'cuda leaves 36 of the 100 nodes of a gradient pass to the processor ' +
      '(Op7 8, Op6 7, Op5 6, Op4 5, Op3 4, Op2 3, …)',
  ])
  placed.delete('CPUExecutionProvider')
  expect(describePlacement(placed, 'cuda')).toEqual([])
})
