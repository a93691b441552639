/** Random files are repeatable, independent of the batch, with one draw for both passes. */
import { afterAll, describe, expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { loadModel } from '../../../core/model/load.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import type { Model } from '../../../core/model/model.ts'
import { writeOnnx, type OnnxNode } from '../../../core/engine/onnx/file.ts'
import {
  float32,
  gatherRows,
  int64,
  sliceRows,
  tensor,
  type FloatTensor,
  type Tensor,
} from '../../../core/engine/tensor/tensor.ts'
import { float, int, ints, node, onnxGraph, randomTensor } from '../../support/onnx-file.ts'

const shape = [1, 4, 4] as const
const inputs = positive(randomTensor([12, ...shape], 'images'))
const labels = Int32Array.from({ length: 12 }, (_, i) => i % 3)

const models: Model[] = []
afterAll(() => Promise.all(models.map((model) => model.dispose())))

/** A linear classifier of `z`, which the nodes compute from `x`. */
async function load(
  nodes: readonly OnnxNode[],
  initializers: Readonly<Record<string, Tensor>> = {},
  batch: number | 'n' = 'n',
): Promise<Model> {
  const graph = onnxGraph({
    input: [batch, ...shape],
    nodes: [...nodes, node('Flatten', 'z', 'flat'), node('MatMul', 'flat w', 'y')],
    initializers: { w: randomTensor([16, 3], 'w'), ...initializers },
  })
  const model = await loadModel(writeOnnx(graph), plainManifest, { name: 'random.onnx' })
  models.push(model)
  return model
}

const noisy = [
  node('RandomNormalLike', 'x', 'noise', { scale: float(0.3) }),
  node('Add', 'x noise', 'z'),
]
/** Identity weights, so that the logits show what is drawn. */
const yes = tensor('bool', [], Uint8Array.of(1))
const uniforms: [string, readonly OnnxNode[], Readonly<Record<string, Tensor>>, number | 'n'][] = [
  ['RandomNormalLike', noisy, {}, 'n'],
  [
    'RandomUniformLike',
    [
      node('RandomUniformLike', 'x', 'u', { low: float(-1), high: float(2) }),
      node('Mul', 'x u', 'z'),
    ],
    {},
    'n',
  ],
  [
    'RandomNormal of one example',
    [node('RandomNormal', '', 'u', { shape: ints(1, ...shape) }), node('Add', 'x u', 'z')],
    {},
    'n',
  ],
  [
    'RandomUniform of a fixed batch',
    [node('RandomUniform', '', 'u', { shape: ints(4, ...shape) }), node('Add', 'x u', 'z')],
    {},
    4,
  ],
  ['Bernoulli', [node('Bernoulli', 'x', 'b'), node('Mul', 'x b', 'z')], {}, 'n'],
  [
    'Dropout in training mode',
    [node('Dropout', 'x ratio training', 'z')],
    { ratio: float32([], [0.3]), training: yes },
    'n',
  ],
]

describe.each(uniforms)('%s', (_, nodes, initializers, batch) => {
  test('is imported, agrees with the file, and differs between passes', async () => {
    const model = await load(nodes, initializers, batch)
    expect(model.stochastic).toBe(true)
    const first = await model.gradient(inputs, labels, crossEntropy)
    const second = await model.gradient(inputs, labels, crossEntropy)
    expect(first.logits.data).not.toEqual(second.logits.data)
    expect(first.gradient.data.some((value) => value !== 0)).toBe(true)
  })

  test('gives an example the same numbers in any batch and order', async () => {
    const whole = (await load(nodes, initializers, batch)).variant({ draws: 'a' })
    const parts = (await load(nodes, initializers, batch)).variant({ draws: 'a' })
    const rows = Array.from(labels.keys()).toReversed()
    for (let pass = 0; pass < 2; pass++) {
      const expected = await whole.gradient(inputs, labels, crossEntropy)
      const reversed = gatherRows(inputs, rows)
      const found: number[] = []
      for (let start = 0; start < 12; start += 5) {
        const end = Math.min(12, start + 5)
        const own = Int32Array.from(rows.slice(start, end), (row) => labels[row]!)
        const result = await parts.gradient(sliceRows(reversed, start, end), own, crossEntropy)
        found.push(...result.gradient.data)
      }
      expect(Float32Array.from(found)).toEqual(gatherRows(expected.gradient, rows).data)
    }
  })
})

describe('a model with noise', () => {
  test('restarts with named draws; other names draw other numbers', async () => {
    const model = await load(noisy)
    const logits = async (draws: string): Promise<Float32Array> =>
      (await model.variant({ draws }).logits(inputs)).data
    expect(await logits('a')).toEqual(await logits('a'))
    expect(await logits('a')).not.toEqual(await logits('b'))
  })

  test('draws once for both passes, and the same for a forward pass', async () => {
    const model = await load(noisy)
    const { logits } = await model.variant({ draws: 'a' }).gradient(inputs, labels, crossEntropy)
    expect(logits.data).toEqual((await model.variant({ draws: 'a' }).logits(inputs)).data)
  })

  test('draws different numbers for an input that is twice in a batch', async () => {
    const model = await load(noisy)
    const { data } = await model.logits(gatherRows(inputs, [0, 0]))
    expect(data.slice(0, 3)).not.toEqual(data.slice(3))
  })

  test('draws from the distribution', async () => {
    const model = await load(
      [
        node('RandomNormalLike', 'x', 'noise', { mean: float(2), scale: float(0.5) }),
        node('Identity', 'noise', 'z'),
      ],
      {
        w: float32(
          [16, 3],
          Array.from({ length: 48 }, (_, i) => Number(i % 3 === Math.floor(i / 3))),
        ),
      },
    )
    const many = positive(randomTensor([600, ...shape], 'many'))
    const { data } = await model.logits(many)
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length
    const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length
    // 1,800 draws: four standard errors.
    expect(Math.abs(mean - 2)).toBeLessThan((4 * 0.5) / Math.sqrt(1800))
    expect(Math.abs(Math.sqrt(variance) - 0.5)).toBeLessThan((4 * 0.5) / Math.sqrt(3600))
  })

  test('draws for each use in a program, depending only on its inputs', async () => {
    const model = await load(noisy)
    const program = await model.variant({ draws: 'a' }).compile((scope) => {
      const x = g.input('x', 'float32', ['m', ...shape])
      const y = g.input('y', 'int64', ['m'])
      const [one, other] = [scope.logits(x), scope.logits(x)]
      const [slope] = scope.gradient(crossEntropy(one, y), [x])
      return { inputs: [x, y], outputs: { one, other, slope: slope! } }
    })
    const feeds = (rows: readonly number[]): Record<string, Tensor> => ({
      x: gatherRows(inputs, rows),
      y: int64(
        [rows.length],
        rows.map((row) => labels[row]!),
      ),
    })
    const first = await program.run(feeds([0, 1, 2, 3]))
    expect(first['one']!.data).not.toEqual(first['other']!.data)
    const parts = (await load(noisy)).variant({ draws: 'a' })
    const same = await parts.compile((scope) => {
      const x = g.input('x', 'float32', ['m', ...shape])
      const y = g.input('y', 'int64', ['m'])
      const one = scope.logits(x)
      return { inputs: [x, y], outputs: { one, chosen: g.cast(y, 'float32') } }
    })
    const { one } = await same.run(feeds([2]))
    expect(one!.data).toEqual((first['one'] as FloatTensor).data.slice(6, 9))
  })
})

test('a file whose random numbers do not reach the logits is not stochastic', async () => {
  const model = await load([node('RandomNormalLike', 'x', 'unused'), node('Identity', 'x', 'z')])
  expect(model.stochastic).toBe(false)
})

test('unsupported random operators run in the file, without gradients', async () => {
  const model = await load([
    node('RandomNormalLike', 'x', 'noise', { dtype: int(11) }),
    node('Cast', 'noise', 'cast', { to: int(1) }),
    node('Add', 'x cast', 'z'),
  ])
  expect(model.stochastic).toBe(true)
  await expect(model.gradient(inputs, labels, crossEntropy)).rejects.toThrow(
    'expected float32 random numbers of a known shape',
  )
  expect((await model.logits(inputs)).shape).toEqual([12, 3])
})

function positive(x: FloatTensor): FloatTensor {
  return float32(
    x.shape,
    x.data.map((value) => 0.5 + 0.5 * value),
  )
}
