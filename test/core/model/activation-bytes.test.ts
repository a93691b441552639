import { expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { activationBytes } from '../../../core/model/activation-bytes.ts'

test('counts each value once, for one example, with the factors of merged axes', () => {
  const images = g.input('images', 'float32', ['n', 3, 4, 4])
  const rows = g.reshape(images, [-1, 4])
  expect(rows.shape).toEqual(['12*n', 4])
  const doubled = g.add(rows, rows)
  const large = g.op('Greater', [doubled, g.scalar(1)])[0]!
  const chosen = g.op('Where', [large, doubled, g.scalar(0)])[0]!
  // Images, rows, their sum, and the choice have 48 floats; the mask has 48 bytes.
  expect(activationBytes(chosen)).toBe(4 * 4 * 48 + 48)
})
