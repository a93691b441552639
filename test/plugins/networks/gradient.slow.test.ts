/**
 * Gradients of the built-in networks' losses agree with central differences. ReLU is replaced by
 * x · sigmoid(x), and max pooling by average pooling: among thousands of units, some always pass a
 * kink within a step.
 */
import { expect, test } from 'vitest'
import { gradient } from '../../../core/engine/graph/gradient.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { rewrite } from '../../../core/engine/graph/rewrite.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { float32, type FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import type { PluginOptions } from '../../../core/plugin/contract.ts'
import { innerProduct } from '../../support/spectra.ts'
import { build, feedsOf, networkOf, type Shape, wave } from './support.ts'
import { randomTensor } from '../../support/onnx-file.ts'

const shape: Shape = [2, 8, 8]
const batch = 6

test.each<[id: string, options: PluginOptions]>([
  ['resnet', { width: 2, blocks: [1, 1] }],
  ['resnet', { width: 2, blocks: [1, 1], shortcut: 'padding' }],
  ['resnet', { width: 2, blocks: [1, 1], normalization: 'group' }],
  ['preact-resnet', { width: 2, blocks: [1, 1] }],
  ['preact-resnet', { width: 2, blocks: [1, 1], normalization: 'group' }],
  ['wide-resnet', { depth: 10, widen: 1, width: 2 }],
  ['vgg', { depth: 11, width: 2 }],
  ['vit-tiny', { width: 4, depth: 1, heads: 2, hidden: 2 }],
  ['vit-tiny', { width: 4, depth: 1, heads: 2, hidden: 2, pooling: 'mean' }],
])('%s %j in training', async (id, options) => {
  const built = build(await networkOf(id, options, shape, 3), shape, { training: true, batch })
  const { images, trained } = built
  const [logits] = rewrite([built.logits], ({ op }, [x]) => {
    if (op === 'MaxPool')
      return g.op('AveragePool', [x!], { kernel_shape: [2, 2], strides: [2, 2] })
    return op === 'Relu' ? [g.mul(x!, g.sigmoid(x!))] : undefined
  })
  const labels = g.integers([0, 1, 2, 0, 1, 2])
  const loss = g.reduceMean(crossEntropy(logits!, labels), [0])
  const wanted = [images, ...trained.map(({ value }) => value)]
  const slopes = gradient(loss, wanted)
  const outputs = Object.fromEntries(slopes.map((slope, i) => [`d${i}`, slope]))
  const session = await Session.compile({ loss, ...outputs }, [
    images,
    ...built.parameters.map(({ value }) => value),
  ])
  // Away from the initial values, where biases are zero and attention is uniform.
  const point = new Map(
    trained.map(({ name, initial }, i) => {
      const noise = wave(initial.shape, i, 0.3)
      return [
        name,
        float32(
          initial.shape,
          initial.data.map((v, k) => v + noise.data[k]!),
        ),
      ]
    }),
  )
  const feeds = feedsOf(built, randomTensor([batch, ...shape], 'images'), point)
  const at = await session.run(feeds)
  const names = wanted.map(({ node }) => node.name)
  const step = 1e-3
  const expected: number[] = []
  const actual: number[] = []
  for (const [i, name] of names.entries()) {
    const value = feeds[name]!
    const direction = randomTensor(value.shape, name).data.map(Math.sign)
    const moved = async (by: number): Promise<number> => {
      const data = value.data.map((v, k) => v + by * direction[k]!)
      const result = await session.run({ ...feeds, [name]: float32(value.shape, data) })
      return result['loss']!.data[0] as number
    }
    expected.push(((await moved(step)) - (await moved(-step))) / (2 * step))
    actual.push(innerProduct((at[`d${i}`] as FloatTensor).data, direction))
  }
  await session.release()
  expect(actual).toBeAllclose(expected, { rtol: 0.005, atol: 0.0005 })
})
