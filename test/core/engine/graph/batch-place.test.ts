/** Sums give an example the same value, to the bit, at any place in a batch. */
import { expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { sliceRows, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

test.each([
  ['ReduceSum', [5], [1], 0],
  ['ReduceSum', [10], [1], 1],
  ['ReduceMean', [7, 43], [2], 1],
  ['ReduceMean', [3, 7, 7], [2, 3], 0],
  ['ReduceSum', [3, 7, 7], [2, 3], 1],
] as const)('%s of examples %j over axes %j, keepdims %d', async (op, shape, axes, keepdims) => {
  const x = g.input('x', 'float32', ['n', ...shape])
  const y = g.op(op, [x, g.integers(axes)], { keepdims })[0]!
  const session = await Session.compile({ y }, [x])
  const batch = randomTensor([11, ...shape], 'x')
  const whole = (await session.run({ x: batch }))['y'] as FloatTensor
  expect(whole.shape).toEqual([11, ...y.shape.slice(1)])
  for (let i = 0; i < 11; i++) {
    const alone = (await session.run({ x: sliceRows(batch, i, i + 1) }))['y'] as FloatTensor
    expect([...sliceRows(whole, i, i + 1).data]).toEqual([...alone.data])
  }
  await session.release()
})
