/** Crops and flips as matrix products move the same pixels as on the host. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../core/base/random.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import { augment } from '../../../core/training/augment.ts'
import { applyViews, drawViews } from '../../../core/training/views.ts'
import { randomTensor } from '../../support/onnx-file.ts'

test.each([
  { crop: 3, flip: true },
  { crop: 0, flip: true },
  { crop: 2, flip: false },
  { crop: 0, flip: false },
])('crop $crop, flip $flip', async (augmentation) => {
  const shape = [20, 2, 5, 7]
  const images = randomTensor(shape, 'images')
  const stream = (row: number): ReturnType<typeof randomStream> => randomStream('view', row)
  const expected = float32(shape, images.data.slice())
  augment(expected, augmentation, stream)
  const x = g.input('x', 'float32', shape)
  const rows = g.input('rows', 'float32', [20, 1, 5, 5])
  const columns = g.input('columns', 'float32', [20, 1, 7, 7])
  const session = await Session.compile({ y: applyViews(x, { rows, columns }) }, [x, rows, columns])
  const drawn = drawViews(20, [5, 7], augmentation, stream)
  const { y } = await session.run({ x: images, rows: drawn.rows, columns: drawn.columns })
  await session.release()
  // Products with 0 and 1 are exact.
  expect(y!.data).toEqual(expected.data)
})
