/** Scaling and centering after a product are part of its matrix, with the same results. */
import { expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { foldIntoProducts } from '../../../../core/engine/graph/products.ts'
import { lower } from '../../../../core/engine/graph/rewrite.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { topologicalOrder, type Value } from '../../../../core/engine/graph/value.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const x = g.input('x', 'float32', ['n', 5, 192])
const images = randomTensor([3, 5, 192], 'x')
const constant = (...shape: number[]): Value => g.constant(randomTensor(shape, 'constant'))
const countOf = (op: string, values: readonly Value[]): number =>
  topologicalOrder(values).filter((node) => node.op === op).length

async function outputOf(bytes: Uint8Array): Promise<Float32Array> {
  const session = await Session.load(bytes)
  const { y } = await session.run({ x: images })
  await session.release()
  return y!.data as Float32Array
}

test('the gradient of a layer normalization before a linear layer', async () => {
  const normalized = g.op('LayerNormalization', [x, constant(192), constant(192)])[0]!
  const rows = g.transpose(normalized, [1, 0, 2])
  const features = g.matMul(rows, constant(192, 4))
  const [y] = gradient(g.mul(features, features), [x])
  const plain = lower([y!])
  // One mean along the axis, and its difference, become part of the matrix.
  expect(countOf('ReduceMean', plain)).toBe(2)
  const folded = foldIntoProducts(plain)
  const varying = topologicalOrder(folded).filter(
    ({ op, outputs }) => op === 'ReduceMean' && outputs[0]!.shape.includes('n'),
  )
  expect(varying).toHaveLength(1)
  const expected = await outputOf(toOnnx({ y: y! }, [x]))
  const actual = await outputOf(toOnnx({ y: y! }, [x], {}, () => folded))
  expect(actual).toBeAllclose(expected, { rtol: 0, atol: 2e-5 })
})

test.each([
  [
    'a product with another use',
    (): Value => {
      const product = g.matMul(x, constant(192, 4))
      return g.add(g.mul(product, constant(4)), product)
    },
  ],
  [
    'a product with a vector that varies',
    () => g.mul(g.matMul(x, constant(192, 5)), g.slice(x, [0], [5], [2])),
  ],
  [
    'another axis',
    () => {
      const product = g.matMul(x, constant(192, 4))
      return g.sub(product, g.reduceMean(product, [1], true))
    },
  ],
  [
    'rows that are moved to the last axis',
    () => g.mul(g.transpose(g.matMul(x, constant(192, 4)), [0, 2, 1]), constant(5)),
  ],
])('unchanged is %s', (_, define) => {
  const y = define()
  expect(foldIntoProducts([y])).toEqual([y])
})
