/** The restoration network: its start, its parameters, and its streams. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import type { FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { weightedGraph, WeightedSession } from '../../../../core/training/model-function.ts'
import { ModuleScope } from '../../../../core/training/module.ts'
import { ParameterStore, type Weights } from '../../../../core/training/scope.ts'
import { restorationNetwork } from '../../../../plugins/defenses/trn/restoration-network.ts'
import { uniformInputs } from '../../../support/attack-task.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const images = uniformInputs([5, 2, 6, 7], 'images')
const map = randomTensor([5, 6, 6, 7], 'map')
const options = { width: 8, blocks: 2, fusion: 'block', bounds: [0, 1] } as const

interface Built {
  readonly store: ParameterStore
  run(weights?: Weights, fed?: FloatTensor, maps?: FloatTensor): Promise<FloatTensor>
}

function build(changes: Partial<Parameters<typeof restorationNetwork>[0]>, alone = false): Built {
  const store = new ParameterStore(4)
  const x = g.input('images', 'float32', ['n', 2, 6, 7])
  const q = g.input('map', 'float32', ['n', 6, 6, 7])
  const network = restorationNetwork({ ...options, ...changes })
  const restored = new ModuleScope(store).apply(network, alone ? [x] : [x, q])
  const graph = weightedGraph({ restored }, store)
  return {
    store,
    async run(weights = store.initial, fed = images, maps = map) {
      const session = await WeightedSession.load(graph, {}, 'restoration')
      const feeds = alone ? { images: fed } : { images: fed, map: maps }
      const outputs = await session.run(weights, feeds)
      await session.release()
      return outputs['restored'] as FloatTensor
    },
  }
}

/** Weights as after training: none is 0. */
function trained({ store }: Built): Weights {
  return new Map(
    store.parameters.map(({ value, initial: { shape, data } }) => {
      const noise = randomTensor(shape, value.node.name).data
      return [
        value.node.name,
        { dtype: 'float32', shape, data: data.map((w, i) => w + 0.1 * noise[i]!) },
      ]
    }),
  )
}

function parametersIn({ store }: Built): number {
  return store.parameters.reduce((sum, { initial }) => sum + initial.data.length, 0)
}

test('starts as the identity, whatever the gradient maps', async () => {
  expect((await build({}).run()).data).toEqual(images.data)
  expect((await build({ fusion: 'concat' }).run()).data).toEqual(images.data)
  expect((await build({}, true).run()).data).toEqual(images.data)
})

test('restores within the bounds', async () => {
  const network = build({ bounds: [0.2, 0.7] })
  const { data } = await network.run(trained(network))
  expect(Math.min(...data)).toBe(Math.fround(0.2))
  expect(Math.max(...data)).toBe(Math.fround(0.7))
})

describe('has as many parameters as its blocks', () => {
  // Convolutions 3 × 3 and 1 × 1, and linear layers, each with a bias.
  const spatial = (from: number, to: number): number => 9 * from * to + to
  const dense = (from: number, to: number): number => from * to + to
  const w = 8
  const residual = 2 * spatial(w, w)
  const fusion = (streams: number): number =>
    dense(streams * w, w) + spatial(w, w) + dense(w, 2) + dense(2, w)
  const stems = spatial(2, w) + spatial(6, w)

  test.each([
    ['both streams', {}, false, stems + 2 * (2 * residual + fusion(2)) + spatial(2 * w, w)],
    ['no fusion blocks', { fusion: 'concat' }, false, stems + 4 * residual + spatial(2 * w, w)],
    ['no blocks', { blocks: 0 }, false, stems + spatial(2 * w, w)],
    [
      'the image stream alone',
      {},
      true,
      spatial(2, w) + 2 * (residual + fusion(1)) + spatial(w, w),
    ],
  ] as const)('%s', (_, changes, alone, expected) => {
    expect(parametersIn(build(changes, alone))).toBe(expected + spatial(w, 2))
  })
})

describe.each(['block', 'concat'] as const)('with fusion by %s', (fusion) => {
  test('both streams change the restored image', async () => {
    const network = build({ fusion })
    const weights = trained(network)
    const before = await network.run(weights)
    const otherMap = await network.run(weights, images, randomTensor(map.shape, 'other'))
    const otherImages = await network.run(weights, uniformInputs(images.shape, 'other'))
    expect(otherMap.data).not.toEqual(before.data)
    expect(otherImages.data).not.toEqual(before.data)
  })

  test('an image is restored as it is in any batch', async () => {
    const network = build({ fusion })
    const weights = trained(network)
    const together = await network.run(weights)
    const row = ({ shape, data }: FloatTensor): FloatTensor => {
      const size = data.length / 5
      const [, ...rest] = shape
      return { dtype: 'float32', shape: [1, ...rest], data: data.slice(3 * size, 4 * size) }
    }
    const single = await network.run(weights, row(images), row(map))
    expect(single.data).toBeAllclose(row(together).data, { rtol: 1e-5, atol: 1e-6 })
  })
})
