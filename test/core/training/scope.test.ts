/** Building a network twice gives the same parameters. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { float32, type FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import {
  batchNormalization,
  classConditionalNormalization,
  convolution,
  flatten,
  globalAverage,
  groupNormalization,
  linear,
  oneHot,
  transposedConvolution,
} from '../../../core/training/layers.ts'
import { LayerScope, ParameterStore, type ScopeOptions } from '../../../core/training/scope.ts'
import type { Value } from '../../../core/engine/graph/value.ts'

function build(scope: LayerScope): Value {
  const images = g.input('inputs', 'float32', ['n', 3, 8, 8])
  const x = g.relu(
    batchNormalization(scope, convolution(scope, images, { channels: 6, kernel: 3, stride: 2 })),
  )
  return linear(scope, flatten(convolution(scope, x, { channels: 4, kernel: 1, bias: true })), 10)
}

describe('a network', () => {
  test('names its parameters by their order, and only kernels and matrices decay', () => {
    const scope = new LayerScope({ training: true, seed: 1 })
    expect(build(scope).shape).toEqual(['n', 10])
    expect(
      scope.parameters.map(
        ({ name, initial, trainable, decays }) =>
          `${name} [${initial.shape.join(', ')}]${trainable ? '' : ' running'}${decays ? ' decays' : ''}`,
      ),
    ).toMatchInlineSnapshot(`
      [
        "conv1.weight [6, 3, 3, 3] decays",
        "norm2.scale [6]",
        "norm2.bias [6]",
        "norm2.mean [6] running",
        "norm2.variance [6] running",
        "conv3.weight [4, 6, 1, 1] decays",
        "conv3.bias [4]",
        "linear4.weight [10, 64] decays",
        "linear4.bias [10]",
      ]
    `)
    expect([...scope.updates.keys()]).toEqual(['norm2.mean', 'norm2.variance'])
  })

  test('has the same initial values for the same seed, in training and at inference', () => {
    const bitsOf = (training: boolean, seed: number): unknown => {
      const scope = new LayerScope({ training, seed })
      build(scope)
      return scope.parameters.map(({ name, initial }) => [name, initial.data])
    }
    expect(bitsOf(true, 7)).toEqual(bitsOf(false, 7))
    expect(bitsOf(true, 7)).not.toEqual(bitsOf(true, 8))
  })

  test('has initial values with the variance of their initializer', () => {
    const scope = new LayerScope({ training: true, seed: 1 })
    const images = g.input('inputs', 'float32', ['n', 32, 8, 8])
    linear(scope, globalAverage(convolution(scope, images, { channels: 64, kernel: 3 })), 100)
    const varianceOf = (name: string): number => {
      const { data } = scope.parameters.find((parameter) => parameter.name === name)!.initial
      return data.reduce((sum, value) => sum + value * value, 0) / data.length
    }
    // He: 2 / (64 · 9). Uniform in ±1/√64: 1 / (3 · 64).
    // Five standard errors of 18,432 and 6,400 draws.
    expect(varianceOf('conv1.weight') * 288).toBeCloseTo(1, 1)
    expect(Math.abs(varianceOf('linear2.weight') * 192 - 1)).toBeLessThan(0.06)
  })
})

test('a parameter name can be used only once', () => {
  const scope = new LayerScope({ training: true, seed: 1 })
  scope.parameter('weight', [1], () => {})
  expect(() => scope.parameter('weight', [1], () => {})).toThrowErrorMatchingInlineSnapshot(
    `[GraphError: parameter "weight" already exists; give each layer its own name]`,
  )
})

test('more parameters than fit a model file are refused before they are allocated', () => {
  const scope = new LayerScope({ training: true, seed: 1 })
  scope.parameter('small', [1000], () => {})
  expect(() => scope.parameter('wide', [81_920, 81_920, 3, 3], () => {})).toThrow(
    'the network needs more than 536870912 parameters, the most that a model file can have ' +
      '(at "wide", [81920, 81920, 3, 3]); lower its width or depth',
  )
})

test('a layer on an axis of unknown size is rejected', () => {
  const scope = new LayerScope({ training: true, seed: 1 })
  expect(() =>
    linear(scope, g.input('x', 'float32', ['n', 'd']), 10),
  ).toThrowErrorMatchingInlineSnapshot(
    `[GraphError: layer: axis 1 of [n, d] must have a known size]`,
  )
})

describe('scopes on one store', () => {
  const shared = (store: ParameterStore, options: Partial<ScopeOptions> = {}): LayerScope =>
    new LayerScope({ training: true, store, path: 'net/', ...options })
  const images = g.input('inputs', 'float32', ['n', 3, 8, 8])

  test('reuse parameters of the same path', () => {
    const store = new ParameterStore(1)
    const [one, two] = [shared(store), shared(store)]
    const weights = [one, two].map((scope) =>
      convolution(scope, images, { channels: 2, kernel: 3 }),
    )
    expect(weights[0]!.node.inputs[1]).toBe(weights[1]!.node.inputs[1])
    expect(store.parameters.map(({ name }) => name)).toEqual(['net/conv1.weight'])
  })

  test('refuse a parameter of another shape', () => {
    const store = new ParameterStore(1)
    convolution(shared(store), images, { channels: 2, kernel: 3 })
    expect(() => convolution(shared(store), images, { channels: 4, kernel: 3 })).toThrow(
      'parameter "net/conv1.weight" has shape [2, 3, 3, 3] and cannot be reused as [4, 3, 3, 3]; ' +
        'apply a module to inputs of one size',
    )
  })

  test('give each branch its own batch normalization, and share everything else', () => {
    const store = new ParameterStore(1)
    for (const branch of [undefined, 'other']) {
      build(shared(store, branch === undefined ? {} : { branch }))
    }
    expect(store.parameters.map(({ name }) => name)).toEqual([
      'net/conv1.weight',
      ...['scale', 'bias', 'mean', 'variance'].map((kind) => `net/norm2.${kind}`),
      'net/conv3.weight',
      'net/conv3.bias',
      'net/linear4.weight',
      'net/linear4.bias',
      ...['scale', 'bias', 'mean', 'variance'].map((kind) => `net/norm2.other.${kind}`),
    ])
  })

  test('pass running statistics from one application to the next', () => {
    const store = new ParameterStore(1)
    const updates = new Map<string, Value>()
    const first = batchNormalization(shared(store, { updates }), images)
    const second = batchNormalization(shared(store, { updates }), images)
    // The second application starts from the statistics that the first has updated.
    expect(second.node.inputs[3]).toBe(first.node.outputs[1])
    expect(updates.get('net/norm1.mean')).toBe(second.node.outputs[1])
  })
})

describe('layers', () => {
  async function evaluate(
    build: (scope: LayerScope, x: Value) => Value,
    x: FloatTensor,
  ): Promise<FloatTensor> {
    const scope = new LayerScope({ training: false, seed: 1 })
    const input = g.input('x', 'float32', x.shape)
    const y = build(scope, input)
    const placeholders = scope.parameters.map(({ value }) => value)
    const session = await Session.compile({ y }, [input, ...placeholders])
    const weights = scope.parameters.map(({ value, initial }) => [value.node.name, initial])
    const outputs = await session.run({ x, ...Object.fromEntries(weights) })
    await session.release()
    return outputs['y'] as FloatTensor
  }

  test('group normalization agrees with PyTorch', async () => {
    const x = float32(
      [2, 4, 2, 2],
      Array.from({ length: 32 }, (_, i) => i ** 1.5 / 10),
    )
    const y = await evaluate((scope, value) => groupNormalization(scope, value, 2), x)
    // torch.nn.GroupNorm(2, 4), PyTorch 2.15.
    const expected = [
      -1.2285929, -1.0685732, -0.7759891, -0.3971066, 0.0515639, 0.5604807, 1.1232054, 1.7350117,
      -1.4575512, -1.0816391, -0.6842179, -0.2663942, 0.1708801, 0.6267759, 1.100561, 1.591584,
      -1.4872215, -1.0854986, -0.6717798, -0.2464028, 0.1903208, 0.6381037, 1.0966786, 1.5657985,
      -1.4992002, -1.0871229, -0.666719, -0.2381509, 0.1984293, 0.6428767, 1.0950543, 1.5548322,
    ]
    expect(y.data).toBeAllclose(expected, { rtol: 1e-4, atol: 1e-5 })
  })

  test('group normalization refuses groups that do not divide the channels', () => {
    const scope = new LayerScope({ training: true, seed: 1 })
    const x = g.input('x', 'float32', ['n', 4, 2, 2])
    expect(() => groupNormalization(scope, x, 3)).toThrow(
      'layer: expected a number of groups that divides the 4 channels, got 3',
    )
  })

  test('a transposed convolution of kernel 4, stride 2 and pad 1 doubles the size', async () => {
    const options = { channels: 5, kernel: 4, stride: 2, pad: 1 }
    const x = float32([1, 3, 4, 6], new Float32Array(72).fill(1))
    const y = await evaluate((scope, value) => transposedConvolution(scope, value, options), x)
    expect(y.shape).toEqual([1, 5, 8, 12])
  })

  test('class-conditional normalization adds the vectors of the class', async () => {
    const x = float32([2, 1, 1, 2], [1, 2, 3, 4])
    const y = await evaluate((scope, value) => {
      const classes = oneHot(g.integers([1, 0]), 2)
      return classConditionalNormalization(scope, value, classes)
    }, x)
    // Scale 1, bias 0, running mean 0 and variance 1.
    const expected = [1, 2, 3, 4].map((value) => value / Math.sqrt(1 + 1e-5))
    expect(y.data).toBeAllclose(expected, { rtol: 1e-6 })
  })
})
