/** Building a network twice gives the same parameters. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import {
  batchNormalization,
  convolution,
  flatten,
  globalAverage,
  linear,
} from '../../../core/training/layers.ts'
import { LayerScope } from '../../../core/training/scope.ts'
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

test('a layer on an axis of unknown size is rejected', () => {
  const scope = new LayerScope({ training: true, seed: 1 })
  expect(() =>
    linear(scope, g.input('x', 'float32', ['n', 'd']), 10),
  ).toThrowErrorMatchingInlineSnapshot(
    `[GraphError: layer: axis 1 of [n, d] must have a known size]`,
  )
})
