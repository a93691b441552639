/** Substitution, folding and lowering do not change results. */
import { describe, expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import {
  foldBatchNormalization,
  foldScales,
  lower,
  rewrite,
  substitute,
} from '../../../../core/engine/graph/rewrite.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { topologicalOrder, type Value } from '../../../../core/engine/graph/value.ts'
import { float32, type Tensor } from '../../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const x = g.input('x', 'float32', ['n', 3, 6, 6])
const image = { x: randomTensor([2, 3, 6, 6], 'x') }

describe('substitute', () => {
  test('replaces a placeholder and infers shapes again', () => {
    const features = g.op('Flatten', [x])[0]!
    const fixed = g.input('z', 'float32', [5, 3, 6, 6])
    expect(substitute([features], new Map([[x, fixed]]))[0]!.shape).toEqual([5, 108])
  })
  test('shares unchanged parts, and does not change the original', () => {
    const other = g.exp(g.input('o', 'float32', [1]))
    const sum = g.add(g.relu(x), other)
    const [replaced] = substitute([sum], new Map([[x, g.input('z', 'float32', [1, 3, 6, 6])]]))
    expect(replaced!.node.inputs[1]).toBe(other)
    expect(sum.shape).toEqual(['n', 3, 6, 6])
    expect(substitute([sum], new Map())[0]).toBe(sum)
  })
  test('replaces a value in the middle', () => {
    const middle = g.exp(x)
    const [top] = substitute([g.neg(middle)], new Map([[middle, x]]))
    expect(topologicalOrder([top!]).map(({ op }) => op)).toEqual(['Input', 'Neg'])
  })
  test('rejects a value whose shape does not fit', () => {
    const logits = g.matMul(g.op('Flatten', [x])[0]!, g.input('w', 'float32', [108, 10]))
    expect(() =>
      substitute([logits], new Map([[x, g.input('z', 'float32', ['n', 1, 6, 6])]])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: MatMul: cannot multiply shapes [n, 36] and [108, 10]]`,
    )
  })
})

test('rewrite visits each node once, after its inputs, with rewritten inputs', () => {
  const shared = g.exp(x)
  const visited: string[] = []
  rewrite([g.add(shared, g.neg(shared))], (node) => {
    visited.push(node.op)
    return undefined
  })
  expect(visited).toEqual(['Input', 'Exp', 'Neg', 'Add'])
})

describe.each([
  ['with a bias', true, 1],
  ['without a bias', false, 1],
  ['in groups', true, 3],
])('batch normalization after a convolution %s', (_, hasBias, group) => {
  const tensors: Record<string, Tensor> = {
    weight: randomTensor([6, 3 / group, 3, 3], 'weight'),
    ...(hasBias && { offset: randomTensor([6], 'offset') }),
    scale: randomTensor([6], 'scale'),
    bias: randomTensor([6], 'bias'),
    mean: randomTensor([6], 'mean'),
    variance: float32([6], [0.3, 0.5, 1, 1.5, 2, 0.01]),
  }
  const network = (parameters: Readonly<Record<string, Value>>): Value => {
    const [weight, offset] = [parameters['weight']!, parameters['offset'] ?? null]
    const convolved = g.op('Conv', [x, weight, offset], { pads: [1, 1, 1, 1], group })[0]!
    const names = ['scale', 'bias', 'mean', 'variance']
    // Exporters share weights through Identity.
    const statistics = names.map((name) => g.op('Identity', [parameters[name]!])[0]!)
    return g.relu(g.op('BatchNormalization', [convolved, ...statistics], { epsilon: 1e-3 })[0]!)
  }

  test('is folded into constant weights', async () => {
    const plain = network(
      Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, g.constant(value)])),
    )
    const [folded] = foldBatchNormalization([plain])
    expect(
      topologicalOrder([folded!])
        .map(({ op }) => op)
        .filter((op) => op !== 'Constant'),
    ).toEqual(['Input', 'Conv', 'Relu'])
    await expectClose(plain, folded!, [x], image)
  })
  test('is folded into placeholder weights, with the same gradients', async () => {
    const placeholders = Object.fromEntries(
      Object.entries(tensors).map(([name, { shape }]) => [name, g.input(name, 'float32', shape)]),
    )
    const inputs = [x, ...Object.values(placeholders)]
    const plain = network(placeholders)
    const [folded] = foldBatchNormalization([plain])
    expect(topologicalOrder([folded!]).some(({ op }) => op === 'BatchNormalization')).toBe(false)
    await expectClose(plain, folded!, inputs, { ...image, ...tensors })
    const wanted = [x, placeholders['weight']!, placeholders['scale']!, placeholders['variance']!]
    const expected = gradient(plain, wanted)
    const actual = gradient(folded!, wanted)
    for (const [i, slope] of expected.entries())
      await expectClose(slope, actual[i]!, inputs, { ...image, ...tensors })
  })
})

describe('batch normalization stays', () => {
  const statistics = [[0.5], [0], [0.2], [2]].map((value) => g.constant(float32([1], value)))
  const convolved = g.conv(g.input('x', 'float32', ['n', 1, 4, 4]), g.floats([1, 1, 1, 1], [2]))
  const opsAfter = (values: readonly Value[]): string[] =>
    topologicalOrder(foldBatchNormalization(values)).map(({ op }) => op)

  test('where other nodes read the convolution', () => {
    const normalized = g.op('BatchNormalization', [convolved, ...statistics])[0]!
    expect(opsAfter([g.add(normalized, convolved)])).toContain('BatchNormalization')
    expect(opsAfter([normalized, convolved])).toContain('BatchNormalization')
  })
  test('in training', () => {
    expect(
      opsAfter([g.op('BatchNormalization', [convolved, ...statistics], { training_mode: 1 })[0]!]),
    ).toContain('BatchNormalization')
  })
})

describe('a scale before a convolution', () => {
  const w = g.constant(randomTensor([4, 3, 3, 3], 'w'))
  const deviations = [0.2, 0.3, 0.7]
  const column = g.floats([1, 3, 1, 1], deviations)
  const convolve = (value: Value): Value => g.conv(value, w, null, { pads: [1, 1, 1, 1] })
  const opsOf = (values: readonly Value[]): string[] =>
    topologicalOrder(foldScales(values)).map(({ op }) => op)

  test.each([
    ['a division per channel', g.div(g.sub(x, 0.5), column)],
    ['a product per channel', g.mul(x, g.floats([3, 1, 1], deviations))],
    ['one number', g.div(x, 0.25)],
  ])('goes into its weights: %s', async (_, scaled) => {
    const plain = convolve(scaled)
    const [folded] = foldScales([plain])
    expect(opsOf([plain])).not.toContain(scaled.node.op)
    await expectClose(plain, folded!, [x], image)
    const [expected] = gradient(plain, [x])
    const [actual] = gradient(folded!, [x])
    await expectClose(expected!, actual!, [x], image)
  })

  test('is not folded if used elsewhere, if it varies by position, or if not constant', () => {
    const scaled = g.div(x, column)
    expect(opsOf([convolve(scaled), scaled])).toContain('Div')
    const uneven = g.floats([6], [1, 2, 3, 4, 5, 6])
    expect(opsOf([convolve(g.div(x, uneven))])).toContain('Div')
    expect(opsOf([convolve(g.div(x, g.input('s', 'float32', [1, 3, 1, 1])))])).toContain('Div')
    expect(opsOf([convolve(g.div(column, x))])).toContain('Div')
  })
})

test('lowering of strided convolutions and normalization does not change results', async () => {
  const w = g.constant(randomTensor([16, 3, 3, 3], 'w'))
  const statistics = [1, 0, 0, 1].map((value) =>
    g.constant(float32([16], new Float32Array(16).fill(value))),
  )
  const convolved = g.conv(x, w, null, { strides: [2, 2], pads: [1, 1, 1, 1] })
  const normalized = g.op('BatchNormalization', [g.relu(convolved), ...statistics], {
    training_mode: 1,
  })[0]!
  const [slope] = gradient(g.mul(normalized, normalized), [x])
  const [lowered] = lower([slope!])
  expect(topologicalOrder([lowered!]).map(({ op }) => op)).not.toContain('ConvTranspose')
  expect(lowered!.shape).toEqual(['n', 3, 6, 6])
})

async function expectClose(
  expected: Value,
  actual: Value,
  inputs: readonly Value[],
  feeds: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const session = await Session.compile({ expected, actual }, inputs)
  const outputs = await session.run(feeds)
  await session.release()
  // Folding multiplies weights before the sum, not after it: float32 rounding of 27 terms.
  expect(outputs['actual']!.data as Float32Array).toBeAllclose(
    outputs['expected']!.data as Float32Array,
    { rtol: 1e-4, atol: 1e-4 },
  )
}
