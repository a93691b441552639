/** Which operators compute in float16, and how they round. */
import { expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { computeInHalf } from '../../../../core/engine/graph/half-precision.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { topologicalOrder, type Value } from '../../../../core/engine/graph/value.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { crossEntropy } from '../../../../core/model/losses.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const images = g.input('images', 'float32', ['n', 3, 8, 8])
const labels = g.input('labels', 'int64', ['n'])
const kernel = g.constant(randomTensor([16, 3, 3, 3], 'kernel'))
const dense = g.constant(randomTensor([1024, 10], 'dense'))
const features = g.relu(g.conv(images, kernel, null, { pads: [1, 1, 1, 1] }))
const logits = g.matMul(g.reshape(features, [-1, 1024]), dense)
const losses = crossEntropy(logits, labels)

/** Operators of values by the type of their results. */
function operatorsOf(values: readonly Value[]): Record<string, Set<string>> {
  const found: Record<string, Set<string>> = {}
  for (const { op, outputs } of topologicalOrder(values)) {
    const { dtype } = outputs[0]!
    ;(found[dtype] ??= new Set()).add(op)
  }
  return found
}

test('products, and what is between them, are in float16; losses are in float32', () => {
  const [slope] = gradient(losses, [images])
  const halved = computeInHalf([losses, slope!])
  expect(halved.map(({ dtype }) => dtype)).toEqual(['float32', 'float32'])
  const { float16, float32: single } = operatorsOf(halved)
  expect([...float16!]).toEqual(expect.arrayContaining(['Conv', 'Relu', 'Reshape', 'MatMul']))
  expect([...single!]).not.toContain('Conv')
  expect([...single!]).toEqual(expect.arrayContaining(['LogSoftmax', 'Cast']))
  const ofLoss = operatorsOf(computeInHalf([losses]))
  expect([...ofLoss['float32']!]).toEqual(expect.arrayContaining(['LogSoftmax', 'ReduceSum']))
})

test('a product rounds as onnxruntime does in float16', async () => {
  const x = g.input('x', 'float32', ['n', 512])
  const weight = randomTensor([512, 16], 'weight')
  const [y] = computeInHalf([g.matMul(x, g.constant(weight))])
  const halves = g.cast(g.constant(weight), 'float16')
  const expected = g.matMul(g.cast(x, 'float16'), halves)
  const session = await Session.compile({ y: y!.node.inputs[0]!, expected }, [x])
  const found = await session.run({ x: randomTensor([8, 512], 'x') })
  await session.release()
  expect(found['y']!.dtype).toBe('float16')
  expect(found['y']).toEqual(found['expected'])
})

test('the mask of a ReLU is a sign', () => {
  const mask = g.op('HardSigmoid', [features], { alpha: 2 ** 127, beta: 0 })[0]!
  const { float16, float32: single } = operatorsOf(computeInHalf([mask]))
  expect([...float16!]).toContain('Sign')
  expect([...single!]).not.toContain('HardSigmoid')
})

test('a node with a constant beyond the range of float16 stays in float32', () => {
  const large = g.constant(float32([16, 3, 1, 1], new Float32Array(48).fill(65536)))
  expect(operatorsOf(computeInHalf([g.conv(images, large, null)]))['float16']).toBeUndefined()
})

test('a product with few terms stays in float32', () => {
  const few = g.matMul(
    g.input('x', 'float32', ['n', 409]),
    g.floats([409, 10], Array(4090).fill(1)),
  )
  expect(operatorsOf(computeInHalf([few]))['float16']).toBeUndefined()
})
