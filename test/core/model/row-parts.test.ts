import { expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { float32, int64 } from '../../../core/engine/tensor/tensor.ts'
import { rowsPerPart, runInParts } from '../../../core/model/row-parts.ts'

test('a part has four times more activations than weights, and its largest fits in a cache', () => {
  const images = g.input('images', 'float32', ['n', 1, 64, 64])
  // 96 rows of 16 kiB are 1.5 MiB.
  expect(rowsPerPart(g.relu(images))).toBe(96)
  const layer = (width: number): number => {
    const weights = g.constant(float32([4096, width], new Float32Array(4096 * width)))
    return rowsPerPart(g.matMul(g.reshape(images, [-1, 4096]), weights))
  }
  expect(layer(10)).toBe(96)
  // 4·4096·400 weights over 2·4096 + 400 activations.
  expect(layer(400)).toBe(763)
})

test('outputs of parts are those of the batch, with feeds per example and shared ones', async () => {
  const x = g.input('x', 'float32', ['n', 2])
  const label = g.input('label', 'int64', ['n'])
  const offset = g.input('offset', 'float32', [2])
  const sums = g.add(g.add(x, offset), g.unsqueeze(g.cast(label, 'float32'), [1]))
  const session = await Session.compile({ sums }, [x, label, offset])
  const feeds = {
    x: float32([5, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    label: int64([5], [100, 200, 300, 400, 500]),
    offset: float32([2], [0.25, 0.5]),
  }
  const options = { count: 5, rows: 2, name: 'test' }
  const parts = await runInParts(session, feeds, options, ['offset'])
  expect(parts).toEqual(await session.run(feeds))
  expect([...parts['sums']!.data]).toEqual(
    [100, 101, 202, 203, 304, 305, 406, 407, 508, 509].map((v, i) => v + (i % 2 ? 0.5 : 0.25)),
  )
  await session.release()
})
