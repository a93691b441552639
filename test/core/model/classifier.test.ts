/** Classifiers: gradients, independent rows, pass counts and programs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../core/engine/graph/serialize.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import { loadModel } from '../../../core/model/load.ts'
import { crossEntropy, margin } from '../../../core/model/losses.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import type { Loss, Model } from '../../../core/model/model.ts'
import { predictions } from '../../../core/model/predictions.ts'
import {
  batchNormalization,
  convolution,
  flatten,
  globalAverage,
  linear,
} from '../../../core/training/layers.ts'
import type { NetworkDefinition } from '../../../core/training/network.ts'
import { exportModel } from '../../../core/training/export-model.ts'
import { classifierModule } from '../../../core/training/module.ts'
import { ParameterStore } from '../../../core/training/scope.ts'
import {
  float32,
  gatherRows,
  int32,
  sliceRows,
  type FloatTensor,
} from '../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../support/onnx-file.ts'

const losses: [string, Loss][] = [
  ['crossEntropy', crossEntropy],
  ['margin', margin],
]

/** Residual blocks with 16 channels, so that onnxruntime uses its blocked layout. */
const smallResnet: NetworkDefinition = {
  title: 'small ResNet',
  build(scope, images) {
    let x = g.relu(
      batchNormalization(scope, convolution(scope, images, { channels: 16, kernel: 3 })),
    )
    for (const channels of [16, 32]) {
      const stride = channels / 16
      const inner = g.relu(
        batchNormalization(scope, convolution(scope, x, { channels, kernel: 3, stride })),
      )
      const outer = batchNormalization(scope, convolution(scope, inner, { channels, kernel: 3 }))
      const shortcut =
        stride === 1 ? x : convolution(scope, x, { channels, kernel: 1, stride, pad: 0 })
      x = g.relu(g.add(outer, shortcut))
    }
    return linear(scope, globalAverage(x), 10)
  },
}

/** 5 and 7 channels, a pool, two linear layers: other kernels of onnxruntime. */
const oddCnn = oddNetwork('LeakyRelu')
const eluCnn = oddNetwork('Elu')

function oddNetwork(activation: string): NetworkDefinition {
  const build: NetworkDefinition['build'] = (scope, images) => {
    const first = g.relu(convolution(scope, images, { channels: 5, kernel: 3, bias: true }))
    const pooled = g.op('MaxPool', [first], { kernel_shape: [2, 2], strides: [2, 2] })[0]!
    const second = g.op(activation, [
      convolution(scope, pooled, { channels: 7, kernel: 3, stride: 2 }),
    ])[0]!
    return linear(scope, g.relu(linear(scope, flatten(second), 33)), 10)
  }
  return { title: `odd CNN with ${activation}`, build }
}

/** A network without convolutions. */
const perceptron: NetworkDefinition = {
  title: 'perceptron',
  build(scope, images) {
    return linear(scope, g.relu(linear(scope, g.relu(linear(scope, flatten(images), 100)), 64)), 10)
  },
}

function fileOf(network: NetworkDefinition): Uint8Array {
  const half = [0.5, 0.5, 0.5]
  const classifier = classifierModule(network, { mean: half, std: half.map((x) => x / 2) })
  const shape = [3, 12, 12]
  return exportModel((m, x) => m.apply(classifier, [x]), shape, new ParameterStore(1))
}

const count = 100
const images = unit(randomTensor([count, 3, 12, 12], 'images'))
const labels = Int32Array.from({ length: count }, (_, i) => i % 10)

describe.each([
  ['a small ResNet', smallResnet],
  ['a CNN of odd sizes', oddCnn],
  ['a perceptron', perceptron],
])('%s', (_, network) => {
  let model: Model
  beforeAll(async () => {
    model = await loadModel(fileOf(network), plainManifest, { name: network.title })
  })
  afterAll(() => model.dispose())

  test.each([1, 7, 32])('has bitwise equal logits in batches of %i and of 100', async (batch) => {
    const whole = await model.logits(images)
    const parts = await inBatches(batch, (inputs) => model.logits(inputs).then(({ data }) => data))
    expect(parts).toEqual(whole.data)
    for (const [, loss] of losses) {
      const expected = await model.gradient(images, labels, loss)
      const slopes = await inBatches(batch, (inputs, own) =>
        model.gradient(inputs, own, loss).then(({ gradient }) => gradient.data),
      )
      expect(slopes).toEqual(expected.gradient.data)
      expect(expected.gradient.data.some((value) => value !== 0)).toBe(true)
      // Gradient passes and forward passes have bitwise equal logits.
      expect(expected.logits.data).toEqual(whole.data)
    }
  })

  test('has bitwise equal logits of a row at any place in any batch', async () => {
    const rows = [17, 3, 3, 99, 41, 0, 3]
    const mixed = await model.gradient(
      gatherRows(images, rows),
      Int32Array.from(rows, (row) => labels[row]!),
      crossEntropy,
    )
    const whole = await model.gradient(images, labels, crossEntropy)
    expect(mixed.gradient.data).toEqual(gatherRows(whole.gradient, rows).data)
    expect(mixed.losses).toEqual(Float32Array.from(rows, (row) => whole.losses[row]!))
  })
})

test('with ELU rows agree up to the last bits, because onnxruntime has two formulas', async () => {
  const model = await loadModel(fileOf(eluCnn), plainManifest)
  const whole = await model.logits(images)
  const single = await inBatches(1, (inputs) => model.logits(inputs).then(({ data }) => data))
  // Two units in the last place of sums of size 1.
  expect(single).toBeAllclose(whole.data, { rtol: 1e-6, atol: 1e-6 })
  await model.dispose()
})

describe('a smooth classifier', () => {
  // tanh instead of ReLU, because central differences need smooth functions.
  let model: Model
  beforeAll(async () => {
    const x = g.input('x', 'float32', ['n', 3, 12, 12])
    const hidden = g.tanh(
      g.conv(x, g.constant(randomTensor([6, 3, 3, 3], 'w')), null, {
        strides: [2, 2],
        pads: [1, 1, 1, 1],
      }),
    )
    const logits = g.matMul(g.op('Flatten', [hidden])[0]!, g.constant(randomTensor([216, 10], 'v')))
    model = await loadModel(toOnnx({ logits }, [x]), plainManifest, { name: 'smooth' })
  })
  afterAll(() => model.dispose())

  test.each(losses)('matches central differences of %s in each row', async (_, loss) => {
    const rows = 6
    const inputs = sliceRows(images, 0, rows)
    const own = labels.slice(0, rows)
    const { gradient } = await model.gradient(inputs, own, loss)
    const direction = randomTensor(inputs.shape, 'direction').data
    const step = 5e-3
    const shifted = (sign: number): Promise<Float32Array> => {
      const moved = float32(
        inputs.shape,
        inputs.data.map((value, i) => value + sign * step * direction[i]!),
      )
      return model.gradient(moved, own, loss).then((result) => result.losses)
    }
    const [up, down] = [await shifted(1), await shifted(-1)]
    const size = inputs.data.length / rows
    for (let row = 0; row < rows; row++) {
      let slope = 0
      for (let i = row * size; i < (row + 1) * size; i++) slope += gradient.data[i]! * direction[i]!
      const numeric = (up[row]! - down[row]!) / (2 * step)
      // Third derivatives times step², and rounding of losses near 10 over the step.
      expect(Math.abs(slope - numeric), `row ${row}: ${slope} and ${numeric}`).toBeLessThan(
        5e-3 * Math.max(1, Math.abs(numeric)),
      )
    }
  })

  test('has the losses of the formulas', async () => {
    const { logits, losses: entropies } = await model.gradient(images, labels, crossEntropy)
    const { losses: margins } = await model.gradient(images, labels, margin)
    for (let row = 0; row < count; row++) {
      const z = Array.from(logits.data.subarray(row * 10, row * 10 + 10))
      const own = z[labels[row]!]!
      const others = z.filter((_, i) => i !== labels[row])
      const entropy = Math.log(z.reduce((sum, value) => sum + Math.exp(value - own), 0))
      expect(entropies[row]).toBeCloseTo(entropy, 4)
      expect(margins[row]).toBe(Math.fround(Math.max(...others) - own))
    }
  })

  test('has a positive margin exactly where it misclassifies', async () => {
    const { logits, losses: margins } = await model.gradient(images, labels, margin)
    const wrong = Array.from(predictions(logits), (predicted, row) => predicted !== labels[row])
    expect(Array.from(margins, (value) => value > 0)).toEqual(wrong)
    expect(new Set(wrong).size).toBe(2)
  })

  test('has finite losses and gradients for extreme images', async () => {
    const far = float32(
      [2, 3, 12, 12],
      sliceRows(images, 0, 2).data.map((value) => value * 1e6),
    )
    const result = await model.gradient(far, labels.slice(0, 2), crossEntropy)
    expect(result.losses.every(Number.isFinite)).toBe(true)
    expect(result.gradient.data.every(Number.isFinite)).toBe(true)
  })

  test('rejects wrong input shapes, missing labels, and labels out of range', async () => {
    await expect(
      model.logits(float32([1, 3, 4, 4], new Float32Array(48))),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RobenchError: smooth: expected inputs [n, 3, 12, 12], got [1, 3, 4, 4]]`,
    )
    await expect(
      model.gradient(sliceRows(images, 0, 2), Int32Array.of(1), crossEntropy),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RobenchError: smooth: expected one label for each of 2 inputs, got 1]`,
    )
    await expect(
      model.gradient(sliceRows(images, 0, 2), Int32Array.of(1, 10), crossEntropy),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RobenchError: smooth: label 10 of row 1 in the batch is out of range; the model has 10 classes (0 to 9)]`,
    )
  })
})

describe('passes are counted per example', () => {
  let model: Model
  beforeAll(async () => {
    model = await loadModel(fileOf(perceptron), plainManifest)
  })
  afterAll(() => model.dispose())

  /** The passes that `run` added. */
  async function cost(run: () => Promise<unknown>): Promise<{ forward: number; backward: number }> {
    const before = model.passes
    await run()
    return {
      forward: model.passes.forward - before.forward,
      backward: model.passes.backward - before.backward,
    }
  }
  const part = (rows: number): FloatTensor => sliceRows(images, 0, rows)

  test('none for loading', () => {
    expect(model.passes).toEqual({ forward: 0, backward: 0 })
  })
  test('forward for logits, both for a gradient', async () => {
    expect(await cost(() => model.logits(part(7)))).toEqual({ forward: 7, backward: 0 })
    expect(await cost(() => model.gradient(part(5), labels.slice(0, 5), margin))).toEqual({
      forward: 5,
      backward: 5,
    })
  })

  test('for a program: each use, with symbolic, numeric or multiple batches', async () => {
    const difference = (x: Value, scope: { logits(value: Value): Value }): Value =>
      g.sub(scope.logits(x), scope.logits(g.mul(x, 0.5)))
    const symbolic = await model.compile((scope) => {
      const x = g.input('x', 'float32', ['n', 3, 12, 12])
      const values = difference(x, scope)
      return { inputs: [x], outputs: { values, slope: scope.gradient(values, [x])[0]! } }
    })
    expect(await cost(() => symbolic.run({ x: part(6) }))).toEqual({ forward: 12, backward: 6 })
    const fixed = await model.compile((scope) => {
      const x = g.input('x', 'float32', [4, 3, 12, 12])
      return { inputs: [x], outputs: { logits: scope.logits(x) } }
    })
    expect(await cost(() => fixed.run({ x: part(4) }))).toEqual({ forward: 4, backward: 0 })
    const many = await model.compile((scope) => {
      const x = g.input('x', 'float32', ['n', 3, 12, 12])
      const noise = g.constant(randomTensor([5, 1, 3, 12, 12], 'noise'))
      const samples = g.reshape(g.add(g.unsqueeze(x, [0]), noise), [-1, 3, 12, 12])
      return { inputs: [x], outputs: { logits: scope.logits(samples) } }
    })
    expect(await cost(() => many.run({ x: part(3) }))).toEqual({ forward: 15, backward: 0 })
  })
})

describe('a program', () => {
  test("computes an expression with the model inside, equal to the model's gradient", async () => {
    const model = await loadModel(fileOf(oddCnn), plainManifest)
    const program = await model.compile((scope) => {
      const x = g.input('start', 'float32', ['n', 3, 12, 12])
      const y = g.input('labels', 'int32', ['n'])
      const [slope] = scope.gradient(crossEntropy(scope.logits(x), g.cast(y, 'int64')), [x])
      return {
        inputs: [x, y],
        outputs: { next: g.clip(g.add(x, g.mul(g.sign(slope!), 0.1)), 0, 1) },
      }
    })
    const inputs = sliceRows(images, 0, 9)
    const own = labels.slice(0, 9)
    const { next } = await program.run({ start: inputs, labels: int32([9], own) })
    const { gradient } = await model.gradient(inputs, own, crossEntropy)
    const expected = inputs.data.map((value, i) =>
      Math.min(
        Math.max(Math.fround(value + Math.fround(0.1) * Math.sign(gradient.data[i]!)), 0),
        1,
      ),
    )
    expect(next!.data).toEqual(expected)
    await model.dispose()
  })

  test('can differentiate twice', async () => {
    const model = await loadModel(fileOf(perceptron), plainManifest)
    const program = await model.compile((scope) => {
      const x = g.input('x', 'float32', ['n', 3, 12, 12])
      const y = g.input('y', 'int64', ['n'])
      const [slope] = scope.gradient(crossEntropy(scope.logits(x), y), [x])
      const [curvature] = scope.gradient(g.reduceSumSquare(slope!, [1, 2, 3]), [x])
      return { inputs: [x, y], outputs: { curvature: curvature! } }
    })
    const { curvature } = await program.run({
      x: sliceRows(images, 0, 2),
      y: { dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, 2n) },
    })
    expect(curvature!.shape).toEqual([2, 3, 12, 12])
    await model.dispose()
  })
})

test('a model can be disposed of after a loss that could not be compiled', async () => {
  const model = await loadModel(fileOf(perceptron), plainManifest)
  const broken: Loss = (logits) =>
    g.reduceSum(g.op('Pad', [logits, g.integers([0, 1, 0, 0])], { mode: 'mirror' })[0]!, [1])
  await expect(model.gradient(sliceRows(images, 0, 1), Int32Array.of(0), broken)).rejects.toThrow(
    'mode "mirror" has no derivative rule',
  )
  await expect(model.dispose()).resolves.toBeUndefined()
})

async function inBatches(
  size: number,
  run: (inputs: FloatTensor, own: Int32Array) => Promise<Float32Array>,
): Promise<Float32Array> {
  const parts: number[] = []
  for (let start = 0; start < count; start += size) {
    const end = Math.min(start + size, count)
    for (const value of await run(sliceRows(images, start, end), labels.slice(start, end)))
      parts.push(value)
  }
  return Float32Array.from(parts)
}

/** Values in [0, 1]. */
function unit(x: FloatTensor): FloatTensor {
  return float32(
    x.shape,
    x.data.map((value) => 0.5 + 0.5 * value),
  )
}
