/** Graphs with kernels as inputs in the blocked layout compute what the plain graphs compute. */
import { describe, expect, test } from 'vitest'
import { blockedDomain } from '../../../../core/engine/graph/blocked-operators.ts'
import { keptOperators, useBlockedKernels } from '../../../../core/engine/graph/blocked-kernels.ts'
import { blockOfLayout } from '../../../../core/engine/graph/blocked-layout.ts'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { PreparedSession } from '../../../../core/engine/graph/prepared-session.ts'
import { lower } from '../../../../core/engine/graph/rewrite.ts'
import { toGraph, toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import type { FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const block = await blockOfLayout()
const hasBlocks = block > 0

/** Random values for placeholders. */
function feedsOf(inputs: readonly Value[]): Record<string, FloatTensor> {
  return Object.fromEntries(
    inputs.map(({ node, shape }) => [node.name, randomTensor(shape as number[], node.name)]),
  )
}

const finish = (values: readonly Value[]): Value[] =>
  useBlockedKernels(lower(values, keptOperators), block)

/** The operators of the blocked graph. */
function blockedOperatorsOf(
  outputs: Readonly<Record<string, Value>>,
  inputs: readonly Value[],
): string[] {
  return toGraph(outputs, inputs, {}, finish).nodes.flatMap(({ op, domain }) =>
    domain === blockedDomain ? [op] : [],
  )
}

/** Compares the blocked graph with the plain one, relative to the largest value of each output. */
async function expectSame(
  outputs: Readonly<Record<string, Value>>,
  inputs: readonly Value[],
  tolerance = 5e-6,
): Promise<void> {
  const plain = await Session.load(toOnnx(outputs, inputs))
  const blocked = await Session.load(toOnnx(outputs, inputs, {}, finish))
  const feeds = feedsOf(inputs)
  const [expected, found] = [await plain.run(feeds), await blocked.run(feeds)]
  for (const name of Object.keys(outputs)) {
    const [values, others] = [expected, found].map((run) => run[name]!.data as Float32Array)
    const largest = values!.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(largest).toBeGreaterThan(0)
    expect(found[name]!.shape).toEqual(expected[name]!.shape)
    expect(others!, name).toBeAllclose(values!, { rtol: 0, atol: tolerance * largest })
  }
  await Promise.all([plain.release(), blocked.release()])
}

test('the layout has blocks of 8 or 16 channels, or is missing', () => {
  expect([0, 8, 16]).toContain(block)
})

describe.runIf(hasBlocks)('the gradients of a convolution', () => {
  test.each([
    ['with 3×3 taps', [32, 16, 8, 8], [32, 16, 3, 3], { pads: [1, 1, 1, 1] }],
    ['whose rows are split for the cache', [16, 16, 8, 32], [64, 16, 3, 3], { pads: [1, 1, 1, 1] }],
    ['of stride 2', [32, 32, 8, 8], [64, 32, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }],
    ['of stride 2 with one tap', [32, 16, 8, 8], [32, 16, 1, 1], { strides: [2, 2] }],
    ['with dilation', [16, 16, 9, 8], [16, 16, 3, 2], { dilations: [2, 3], pads: [0, 1, 2, 3] }],
    ['of an image', [16, 3, 8, 8], [16, 3, 3, 3], { pads: [1, 1, 1, 1] }],
    ['by minimal filtering', [16, 128, 4, 4], [128, 128, 3, 3], { pads: [1, 1, 1, 1] }],
    ['of a batch that fills no block', [3, 16, 8, 8], [16, 16, 3, 3], { pads: [1, 1, 1, 1] }],
  ] as const)('%s', async (_title, shape, kernelShape, options) => {
    const x = g.input('x', 'float32', shape)
    const weight = g.input('w', 'float32', kernelShape)
    const y = g.conv(x, weight, null, options)
    const upstream = g.input('upstream', 'float32', y.shape)
    const [dx, dw] = gradient(y, [x, weight], { upstream })
    const outputs = { y, dx: dx!, dw: dw! }
    expect(blockedOperatorsOf(outputs, [x, weight, upstream])).toContain('Conv')
    await expectSame(outputs, [x, weight, upstream])
  })
})

test.runIf(hasBlocks)('constant kernels that a gradient flips are in the same graph', async () => {
  const x = g.input('x', 'float32', [16, 16, 8, 8])
  const weight = g.input('w', 'float32', [16, 16, 3, 3])
  const fixed = g.constant(randomTensor([32, 16, 3, 3], 'fixed'))
  const same = { pads: [1, 1, 1, 1] }
  const y = g.conv(g.relu(g.conv(x, weight, null, same)), fixed, null, same)
  const upstream = g.input('upstream', 'float32', y.shape)
  const [dw] = gradient(y, [weight], { upstream })
  const inputs = [x, weight, upstream]
  const plain = await Session.load(toOnnx({ y, dw: dw! }, inputs))
  const compiled = await Session.compile({ y, dw: dw! }, inputs)
  const [expected, found] = [await plain.run(feedsOf(inputs)), await compiled.run(feedsOf(inputs))]
  await Promise.all([plain.release(), compiled.release()])
  for (const name of ['y', 'dw']) {
    const values = expected[name]!.data as Float32Array
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(found[name]!.data as Float32Array).toBeAllclose(values, { atol: 5e-6 * largest })
  }
})

/** A block with normalization in training and a shortcut, and a function that has no kinks. */
function residualBlock(smooth: boolean): { outputs: Record<string, Value>; inputs: Value[] } {
  const x = g.input('x', 'float32', [16, 16, 8, 8])
  const weights = [1, 2].map((i) => g.input(`w${i}`, 'float32', [16, 16, 3, 3]))
  const vectors = Array.from({ length: 4 }, (_, i) => g.input(`v${i}`, 'float32', [16]))
  const zeros = g.floats([16], Array<number>(16).fill(0))
  const normalized = (value: Value, scale: Value, bias: Value): readonly Value[] =>
    g.op('BatchNormalization', [value, scale, bias, zeros, zeros], { training_mode: 1 })
  const activate = (value: Value): Value => (smooth ? g.sigmoid(value) : g.relu(value))
  const pads = [1, 1, 1, 1]
  const first = normalized(g.conv(x, weights[0]!, null, { pads }), vectors[0]!, vectors[1]!)
  const inner = activate(first[0]!)
  const second = normalized(g.conv(inner, weights[1]!, null, { pads }), vectors[2]!, vectors[3]!)
  const y = activate(g.add(second[0]!, x))
  const pooled = g.globalAveragePool(y)
  const inputs = [x, ...weights, ...vectors]
  const slopes = gradient(g.reduceSum(g.mul(pooled, pooled), [0, 1, 2, 3]), inputs)
  const outputs = Object.fromEntries(slopes.map((slope, i) => [`d/${inputs[i]!.node.name}`, slope]))
  return { outputs: { y, mean: first[1]!, variance: first[2]!, ...outputs }, inputs }
}

/** The gradient of a bias before another normalization is a sum of 1,024 terms that cancel. */
const cancellation = 1e-4

describe.runIf(hasBlocks)('a residual block with normalization in training', () => {
  test('has the same outputs, statistics and gradients', async () => {
    const { outputs, inputs } = residualBlock(true)
    await expectSame(outputs, inputs, cancellation)
  })

  test('with ReLU', async () => {
    const { outputs, inputs } = residualBlock(false)
    await expectSame(outputs, inputs, cancellation)
  })

  test('enters and leaves the layout only at its ends', () => {
    const { outputs, inputs } = residualBlock(false)
    const operators = blockedOperatorsOf({ y: outputs['y']! }, inputs)
    expect(operators.filter((op) => op === 'ReorderOutput')).toHaveLength(1)
    // x, and both kernels.
    expect(operators.filter((op) => op === 'ReorderInput')).toHaveLength(3)
    // Two convolutions, two normalizations with what follows them, two sums of squares.
    expect(operators.filter((op) => op === 'Conv')).toHaveLength(6)
  })
})

test.runIf(hasBlocks)('constant kernels are left to onnxruntime', () => {
  const x = g.input('x', 'float32', [1, 16, 8, 8])
  const kernel = g.constant(randomTensor([16, 16, 3, 3], 'kernel'))
  expect(blockedOperatorsOf({ y: g.relu(g.conv(x, kernel)) }, [x])).toEqual([])
})

describe('a prepared session', () => {
  const x = g.input('x', 'float32', ['n', 16, 8, 8])
  const weight = g.input('w', 'float32', [16, 16, 3, 3])
  const bias = g.input('b', 'float32', [16])
  const kernel = g.mul(weight, g.unsqueeze(g.exp(bias), [1, 2, 3]))
  const y = g.conv(x, kernel, bias, { pads: [1, 1, 1, 1] })
  const fixed = { w: randomTensor([16, 16, 3, 3], 'w'), b: randomTensor([16], 'b') }
  const feeds = { x: randomTensor([2, 16, 8, 8], 'x') }

  test('computes what a session computes, for each preparation', async () => {
    const session = await Session.compile({ y }, [x, weight, bias])
    const prepared = await PreparedSession.compile({ y }, [weight, bias], [x])
    for (const seed of ['b', 'another']) {
      const weights = { ...fixed, b: randomTensor([16], seed) }
      await prepared.prepare(weights)
      const [expected, found] = [
        await session.run({ ...weights, ...feeds }),
        await prepared.run(feeds),
      ]
      expect(found['y']!.data).toEqual(expected['y']!.data)
    }
    await Promise.all([session.release(), prepared.release()])
  })

  test('before its first preparation it names what is missing', async () => {
    const prepared = await PreparedSession.compile({ y }, [weight, bias], [x], {}, 'attack')
    await expect(prepared.run(feeds, 'attack')).rejects.toThrow(
      'attack: input "prepared/0" is missing',
    )
    await prepared.release()
  })
})
