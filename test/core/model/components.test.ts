/** Treated components equal the same graphs built by hand. */
import { afterAll, describe, expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../core/engine/graph/serialize.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import { loadModel } from '../../../core/model/load.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { plainManifest, type ManifestComponent } from '../../../core/model/manifest.ts'
import type { Model, ModelVariant } from '../../../core/model/model.ts'
import { writeOnnx } from '../../../core/engine/onnx/file.ts'
import { float32, int64 } from '../../../core/engine/tensor/tensor.ts'
import { node, onnxGraph, randomTensor, ints } from '../../support/onnx-file.ts'

const shape = [2, 3, 3] as const
const weights = g.constant(randomTensor([18, 4], 'weights'))
const images = g.input('images', 'float32', ['n', ...shape])
const inputs = float32([3, ...shape], randomTensor([3, ...shape], 'images').data)
const labels = Int32Array.of(0, 1, 2)

const classify = (x: Value): Value => g.matMul(g.op('Flatten', [g.tanh(x)])[0]!, weights)
/** A map of the image, and a restoration that depends on it. */
const mapOf = (x: Value): Value => g.op('Sin', [g.mul(x, 2)])[0]!
const restore = (x: Value, map: Value): Value => g.add(g.mul(x, x), g.mul(map, 0.5))

const map = mapOf(images)
const restored = restore(images, map)
const file = toOnnx({ logits: classify(restored) }, [images], { map, restored })
const components: readonly ManifestComponent[] = [
  { name: 'map', input: 'images', output: 'map', backward: 'constant' },
  { name: 'restoration', input: 'images', output: 'restored', backward: 'identity' },
]

const models: Model[] = []
afterAll(() => Promise.all(models.map((model) => model.dispose())))

async function load(bytes: Uint8Array, own: readonly ManifestComponent[] = []): Promise<Model> {
  const model = await loadModel(bytes, { ...plainManifest, components: own }, { name: 'model' })
  models.push(model)
  return model
}

/** A model built by hand, with a part fed as a constant. */
async function byHand(build: (x: Value) => Value): Promise<Model> {
  const x = g.input('x', 'float32', ['n', ...shape])
  return load(toOnnx({ logits: build(x) }, [x]))
}

describe('a model with components', () => {
  test('lists them, and is exact by default', async () => {
    const model = await load(file, components)
    expect(model.components).toEqual([
      { name: 'map', backward: 'constant' },
      { name: 'restoration', backward: 'identity' },
    ])
    const plain = await byHand((x) => classify(restore(x, mapOf(x))))
    await expectSame(model, plain)
    await expectSame(model.variant({}), plain)
    await expectSame(model.variant({ components: { map: 'exact' } }), plain)
  })

  test('removed: both passes use the input instead of the output', async () => {
    const model = await load(file, components)
    await expectSame(
      model.variant({ components: { restoration: 'removed' } }),
      await byHand((x) => classify(x)),
    )
    await expectSame(
      model.variant({ components: { map: 'removed' } }),
      await byHand((x) => classify(restore(x, x))),
    )
    await expectSame(
      model.variant({ components: { map: 'removed', restoration: 'removed' } }),
      await byHand((x) => classify(x)),
    )
  })

  test('identity: the gradient at the output passes unchanged', async () => {
    const model = await load(file, components)
    const variant = model.variant({ components: { restoration: 'identity' } })
    const x = inputs.data
    const after = x.map((value) => value * value + 0.5 * Math.sin(2 * value))
    const rest = await byHand((value) => classify(value))
    const expected = await rest.gradient(float32(inputs.shape, after), labels, crossEntropy)
    const result = await variant.gradient(inputs, labels, crossEntropy)
    expect(result.gradient.data).toBeAllclose(expected.gradient.data, { rtol: 1e-5, atol: 1e-6 })
    expect(result.logits.data).toEqual((await model.logits(inputs)).data)
    expect((await variant.logits(inputs)).data).toEqual((await model.logits(inputs)).data)
  })

  test('constant: the gradient of the restoration with a constant map', async () => {
    const model = await load(file, components)
    const variant = model.variant({ components: { map: 'constant' } })
    const result = await variant.gradient(inputs, labels, crossEntropy)
    const held = await variant.compile((scope) => {
      const x = g.input('x', 'float32', ['n', ...shape])
      const fixed = g.input('fixed', 'float32', ['n', ...shape])
      const y = g.input('y', 'int64', ['n'])
      // The weights of the variant are not accessible here, so the expression is repeated.
      const [slope] = scope.gradient(crossEntropy(classify(restore(x, fixed)), y), [x])
      return { inputs: [x, fixed, y], outputs: { slope: slope! } }
    })
    const fixed = float32(
      inputs.shape,
      inputs.data.map((value) => Math.sin(2 * value)),
    )
    const { slope } = await held.run({ x: inputs, fixed, y: int64([3], labels) })
    expect(result.gradient.data).toBeAllclose(slope!.data as Float32Array, {
      rtol: 1e-5,
      atol: 1e-6,
    })
  })

  test('programs of a variant are treated like its gradients, to any order', async () => {
    const model = await load(file, components)
    const variant = model.variant({ components: { restoration: 'identity' } })
    const program = await variant.compile((scope) => {
      const x = g.input('x', 'float32', ['m', ...shape])
      const y = g.input('y', 'int64', ['m'])
      const [slope] = scope.gradient(crossEntropy(scope.logits(x), y), [x])
      return { inputs: [x, y], outputs: { slope: slope! } }
    })
    const { slope } = await program.run({ x: inputs, y: int64([3], labels) })
    const expected = await variant.gradient(inputs, labels, crossEntropy)
    expect(slope!.data).toEqual(expected.gradient.data)
  })

  test('shares pass counts with its variants', async () => {
    const model = await load(file, components)
    const variant = model.variant({ components: { map: 'constant' } })
    await variant.gradient(inputs, labels, crossEntropy)
    await model.logits(inputs)
    expect(model.passes).toEqual({ forward: 6, backward: 3 })
    expect(variant.passes).toEqual(model.passes)
  })

  test('a variant of a variant starts from the original model', async () => {
    const model = await load(file, components)
    const twice = model
      .variant({ components: { restoration: 'removed' } })
      .variant({ components: { map: 'removed' } })
    await expectSame(twice, model.variant({ components: { map: 'removed' } }))
  })
})

test('the ends of a component survive the folding of batch normalization', async () => {
  const graph = onnxGraph({
    input: ['n', 1, 2, 2],
    nodes: [
      node('Conv', 'x k', 'c', { pads: ints(0, 0, 0, 0) }),
      node('Identity', 'c', 'i'),
      node('BatchNormalization', 'i s b m v', 'z'),
      node('Flatten', 'z', 'y'),
    ],
    initializers: {
      k: float32([1, 1, 1, 1], [2]),
      s: float32([1], [3]),
      b: float32([1], [0]),
      m: float32([1], [1]),
      v: float32([1], [1]),
    },
  })
  const model = await load(writeOnnx(graph), [
    { name: 'scaling', input: 'x', output: 'c', backward: 'removed' },
  ])
  const x = float32([1, 1, 2, 2], [0.1, 0.2, 0.3, 0.4])
  const scaled = x.data.map((value) => 3 * (2 * value - 1))
  const removed = x.data.map((value) => 3 * (value - 1))
  expect((await model.logits(x)).data).toBeAllclose(scaled, { rtol: 1e-4, atol: 1e-4 })
  const variant = model.variant({ components: { scaling: 'removed' } })
  expect((await variant.logits(x)).data).toBeAllclose(removed, { rtol: 1e-4, atol: 1e-4 })
})

describe('rejects', () => {
  const declare = (component: Partial<ManifestComponent>): Promise<Model> =>
    load(file, [{ ...components[1]!, ...component }])

  test('a component that the model does not have', async () => {
    const model = await load(file, components)
    const variant: ModelVariant = { components: { restauration: 'removed' } }
    expect(() => model.variant(variant)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: model has no component "restauration"; did you mean "restoration"? (components: map, restoration)]`,
    )
  })
  test('a tensor that is not in the file', async () => {
    await expect(declare({ output: 'nowhere' })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: model: component "restoration": its output "nowhere" is not a tensor that the logits depend on; use the name in the file]`,
    )
  })
  test('two components with one name', async () => {
    await expect(load(file, [components[0]!, components[0]!])).rejects.toThrow(
      'component "map": two components have this name',
    )
  })
  test('a component whose output does not depend on its input', async () => {
    await expect(declare({ input: 'restored', output: 'map' })).rejects.toThrow(
      'component "restoration": its output does not depend on its input',
    )
    await expect(declare({ output: 'images' })).rejects.toThrow(
      'its input and output are the same value',
    )
  })
  test('the identity for a component that changes the shape', async () => {
    const component = { output: 'logits', backward: 'constant' } as const
    const model = await declare(component)
    await expect(declare({ ...component, backward: 'identity' })).rejects.toThrow(
      'its input is [n, 2, 3, 3] and its output [n, 4]',
    )
    expect(() => model.variant({ components: { restoration: 'removed' } })).toThrow(
      'cannot be treated as the identity or removed',
    )
  })
})

async function expectSame(a: Model, b: Model): Promise<void> {
  const [one, other] = await Promise.all(
    [a, b].map((model) => model.gradient(inputs, labels, crossEntropy)),
  )
  // Constants are folded in another order.
  const tolerance = { rtol: 1e-5, atol: 1e-6 }
  expect(one!.logits.data).toBeAllclose(other!.logits.data, tolerance)
  expect(one!.gradient.data).toBeAllclose(other!.gradient.data, tolerance)
}
