/** Gradients are expressions: correct on whole networks, of any order, without unused parts. */
import { describe, expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import {
  createNode,
  topologicalOrder,
  type Node,
  type Value,
} from '../../../../core/engine/graph/value.ts'
import { float32, type FloatTensor, type Tensor } from '../../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

/** Convolutions, smooth activations (for second derivatives), a pool, a linear layer. */
function smallNetwork(x: Value, weights: { first: Value; second: Value; head: Value }): Value {
  const hidden = g.tanh(g.conv(x, weights.first, null, { pads: [1, 1, 1, 1] }))
  const next = g.sigmoid(
    g.conv(hidden, weights.second, null, { strides: [2, 2], pads: [1, 1, 1, 1] }),
  )
  const pooled = g.op('AveragePool', [next], { kernel_shape: [2, 2], strides: [1, 1] })[0]!
  const logits = g.matMul(g.op('Flatten', [pooled])[0]!, weights.head)
  return g.neg(g.reduceMean(g.logSoftmax(logits), [1]))
}

const shapes = { first: [5, 3, 3, 3], second: [4, 5, 3, 3], head: [16, 3] } as const
const placeholders = {
  first: g.input('first', 'float32', shapes.first),
  second: g.input('second', 'float32', shapes.second),
  head: g.input('head', 'float32', shapes.head),
}
const x = g.input('x', 'float32', ['n', 3, 6, 6])
const feeds: Record<string, FloatTensor> = {
  x: randomTensor([2, 3, 6, 6], 'x'),
  first: randomTensor(shapes.first, 'first'),
  second: randomTensor(shapes.second, 'second'),
  head: randomTensor(shapes.head, 'head'),
}

describe('a small network', () => {
  const inputs = [x, ...Object.values(placeholders)]

  test('matches central differences for its image and all weights', async () => {
    const loss = g.reduceSum(smallNetwork(x, placeholders), [0])
    await expectDerivatives(loss, inputs)
  })

  test('has the gradient of the norm of its gradient', async () => {
    const [slope] = gradient(smallNetwork(x, placeholders), [x])
    await expectDerivatives(g.reduceSumSquare(slope!, [0, 1, 2, 3]), inputs)
  })

  test('has third derivatives', async () => {
    const [first] = gradient(smallNetwork(x, placeholders), [x])
    const [second] = gradient(g.reduceSumSquare(first!, [0, 1, 2, 3]), [x])
    // Differences of third order are dominated by rounding, so the bound is wider.
    await expectDerivatives(g.reduceSumSquare(second!, [0, 1, 2, 3]), [x, placeholders.head], 2e-2)
  })

  async function expectDerivatives(
    objective: Value,
    wanted: readonly Value[],
    tolerance = 5e-3,
  ): Promise<void> {
    const slopes = gradient(objective, wanted)
    const outputs = Object.fromEntries(slopes.map((slope, i) => [`d${i}`, slope]))
    const session = await Session.compile({ objective, ...outputs }, inputs)
    const results = await session.run(feeds)
    for (const [i, { node }] of wanted.entries()) {
      const center = feeds[node.name]!
      const direction = randomTensor(center.shape, `direction ${node.name}`).data
      const step = 2e-2
      const shifted = async (sign: number): Promise<number> => {
        const data = center.data.map((value, k) => value + sign * step * direction[k]!)
        return Number(
          (await session.run({ ...feeds, [node.name]: float32(center.shape, data) }))['objective']!
            .data[0],
        )
      }
      const numeric = ((await shifted(1)) - (await shifted(-1))) / (2 * step)
      const analytic = (results[`d${i}`]!.data as Float32Array).reduce(
        (sum, value, k) => sum + value * direction[k]!,
        0,
      )
      // The step's square times the third derivative, and float32 rounding over the step.
      const bound =
        tolerance * Math.max(Math.abs(numeric), Math.abs(Number(results['objective']!.data[0])))
      expect(
        Math.abs(analytic - numeric),
        `${node.name}: analytic ${analytic}, numeric ${numeric}`,
      ).toBeLessThan(bound)
    }
    await session.release()
  }
})

test("the graph of an image's gradient contains no gradient of a weight", () => {
  const [slope] = gradient(smallNetwork(x, placeholders), [x])
  const dependent = new Set<Node>([x.node])
  for (const node of topologicalOrder([slope!])) {
    if (!node.inputs.some((input) => input && dependent.has(input.node))) continue
    dependent.add(node)
    for (const output of node.outputs) {
      for (const shape of Object.values(shapes))
        expect(output.shape, `${node.op} ${node.name}`).not.toEqual(shape)
    }
  }
})

describe('by hand', () => {
  const a = g.input('a', 'float32', [2, 3])
  const b = g.input('b', 'float32', [3])
  const values = { a: float32([2, 3], [1, 2, 3, 4, 5, 6]), b: float32([3], [-1, 0.5, 2]) }
  const slopesOf = async (
    of: Value,
    wanted: readonly Value[],
    upstream?: Value,
  ): Promise<number[][]> => run(gradient(of, wanted, upstream ? { upstream } : {}), [a, b], values)

  test('a value used twice gets the sum of both gradients', async () => {
    // d(a² + 3a) = 2a + 3
    expect(await slopesOf(g.add(g.mul(a, a), g.mul(a, 3)), [a])).toEqual([[5, 7, 9, 11, 13, 15]])
  })
  test('broadcasting is undone by sums over the repeated axes', async () => {
    expect(await slopesOf(g.mul(a, b), [a, b])).toEqual([
      [-1, 0.5, 2, -1, 0.5, 2],
      [5, 7, 9],
    ])
    const column = g.unsqueeze(g.reduceSum(a, [1]), [1])
    expect(await slopesOf(g.mul(column, b), [column, b])).toEqual([
      [1.5, 1.5],
      [21, 21, 21],
    ])
  })
  test('an unrelated value has a zero gradient with its own shape', async () => {
    const [slope] = gradient(g.exp(a), [b])
    expect(slope!.shape).toEqual([3])
    expect(await slopesOf(g.exp(a), [b])).toEqual([[0, 0, 0]])
  })
  test('a value has the gradient one with respect to itself', async () => {
    expect(await slopesOf(b, [b])).toEqual([[1, 1, 1]])
  })
  test('an intermediate value and its input can be requested together', async () => {
    const squares = g.mul(b, b)
    // d Σ b⁴ = 2 b² db² = 4 b³ db
    expect(await slopesOf(g.mul(squares, squares), [squares, b])).toEqual([
      [2, 0.5, 8],
      [-4, 0.5, 32],
    ])
  })
  test('an upstream gradient weights the outputs', async () => {
    expect(await slopesOf(g.mul(b, b), [b], g.floats([3], [1, 0, -1]))).toEqual([[-2, 0, -4]])
  })
  test('one of several outputs of a node is enough', async () => {
    const [, right] = g.op('Split', [a, g.integers([1, 2])], { axis: 1 })
    expect(await slopesOf(g.mul(right!, right!), [a])).toEqual([[0, 4, 6, 0, 10, 12]])
  })
  test('comparisons stop gradients, and integers have none', async () => {
    expect(await slopesOf(g.cast(g.greater(a, 2), 'float32'), [a])).toEqual([[0, 0, 0, 0, 0, 0]])
    expect(await slopesOf(g.cast(g.cast(a, 'int64'), 'float32'), [a])).toEqual([[0, 0, 0, 0, 0, 0]])
  })
  test('at kinks: 0 for ReLU and |x|, 1 at limits of a clip, shared by equal maxima', async () => {
    const zero = g.mul(b, 0)
    expect(await slopesOf(g.relu(zero), [zero])).toEqual([[0, 0, 0]])
    expect(await slopesOf(g.abs(zero), [zero])).toEqual([[0, 0, 0]])
    expect(await slopesOf(g.clip(b, -1, 0.5), [b])).toEqual([[1, 1, 0]])
    expect(
      await slopesOf(g.reduceMax(zero, [0]), [zero]).then(([row]) =>
        row!.reduce((sum, value) => sum + value, 0),
      ),
    ).toBeCloseTo(1, 6)
    expect(await slopesOf(g.max(b, b), [b])).toEqual([[1, 1, 1]])
  })
})

test('saturated functions have finite gradients', async () => {
  const z = g.input('z', 'float32', [4])
  const feed = { z: float32([4], [-1e4, -80, 80, 1e4]) }
  for (const value of [
    g.sigmoid(z),
    g.tanh(z),
    g.softmax(z),
    g.logSoftmax(z),
    g.op('Softplus', [z])[0]!,
    g.op('Elu', [z])[0]!,
  ]) {
    const [slopes] = await run(gradient(value, [z]), [z], feed)
    expect(slopes!.every(Number.isFinite), value.node.op).toBe(true)
  }
})

test('a chain of 20,000 operators does not overflow the stack', () => {
  let value = g.input('x', 'float32', [1])
  const start = value
  for (let i = 0; i < 20_000; i++) value = g.neg(value)
  expect(gradient(value, [start])[0]!.shape).toEqual([1])
})

describe('an operator without a rule', () => {
  test('on the path is reported with its node and the model', () => {
    const product = withoutRule(x, 'custom1')
    expect(() =>
      gradient(g.exp(product), [x], { name: 'model.onnx' }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: model.onnx: Custom "custom1" has no derivative rule, so gradients cannot pass through it; black-box attacks, which need no gradient, still work]`,
    )
  })
  test('off the path is allowed', () => {
    const factor = withoutRule(placeholders.head, 'custom2')
    expect(gradient(g.mul(x, g.reduceSum(factor, [0, 1])), [x])[0]!.shape).toEqual(['n', 3, 6, 6])
  })
})

/** The result of an operator that is not in the table. */
function withoutRule(input: Value, name: string): Value {
  const { dtype, shape } = input
  return createNode('Custom', name, [input], {}, [{ dtype, shape }]).outputs[0]!
}

async function run(
  values: readonly Value[],
  inputs: readonly Value[],
  fed: Readonly<Record<string, Tensor>>,
): Promise<number[][]> {
  const session = await Session.compile(
    Object.fromEntries(values.map((value, i) => [`out${i}`, value])),
    inputs,
  )
  const results = await session.run(fed)
  await session.release()
  return values.map((_, i) => Array.from(results[`out${i}`]!.data as Float32Array))
}
