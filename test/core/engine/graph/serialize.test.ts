/** Expressions are written as files that onnxruntime can load. */
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { importGraph } from '../../../../core/engine/graph/import.ts'
import { opset, toGraph, toOnnx } from '../../../../core/engine/graph/serialize.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { readOnnx } from '../../../../core/engine/onnx/file.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const x = g.input('x', 'float32', ['n', 3, 6, 6])
const weight = g.constant(randomTensor([4, 3, 3, 3], 'w'))
const features = g.op('Flatten', [g.relu(g.conv(x, weight, null, { pads: [1, 1, 1, 1] }))])[0]!

test('the file runs in onnxruntime alone, with any batch', async () => {
  const session = await ort.InferenceSession.create(toOnnx({ features }, [x]))
  expect(session.inputNames).toEqual(['x'])
  expect(session.outputNames).toEqual(['features'])
  for (const batch of [1, 2, 5]) {
    const { data, shape } = randomTensor([batch, 3, 6, 6], 'x')
    const results = await session.run({ x: new ort.Tensor('float32', data, shape) })
    expect(results['features']!.dims).toEqual([batch, 144])
  }
  await session.release()
})

test('writing, reading and writing again changes nothing', async () => {
  const bytes = toOnnx({ features }, [x])
  const imported = await importGraph(readOnnx(bytes, 'a.onnx'), { name: 'a.onnx' })
  const again = toOnnx(imported.outputs, imported.inputs)
  const [first, second] = [await Session.load(bytes), await Session.load(again)]
  const feeds = { x: randomTensor([3, 3, 6, 6], 'x') }
  expect((await second.run(feeds))['features']).toEqual((await first.run(feeds))['features'])
  await first.release()
  await second.release()
})

test('the same expression gives the same bytes', () => {
  expect(toOnnx({ features }, [x])).toEqual(toOnnx({ features }, [x]))
})

test('the file has its operator set, a symbolic batch, and the given order of inputs', () => {
  const y = g.input('y', 'float32', [])
  const graph = readOnnx(toOnnx({ sum: g.add(x, y) }, [y, x]), 'a.onnx')
  expect(graph.opset).toBe(opset)
  expect(graph.inputs).toEqual([
    { name: 'y', dtype: 'float32', shape: [] },
    { name: 'x', dtype: 'float32', shape: ['n', 3, 6, 6] },
  ])
  expect(graph.outputs).toEqual([{ name: 'sum', dtype: 'float32', shape: ['n', 3, 6, 6] }])
})

describe('outputs', () => {
  test('can be a placeholder, a constant, one value twice, or an intermediate value', async () => {
    const c = g.constant(float32([2], [1, 2]))
    const a = g.input('a', 'float32', [2])
    const inner = g.exp(a)
    const session = await Session.compile(
      { placeholder: a, constant: c, twice: inner, again: inner, outer: g.neg(inner) },
      [a],
    )
    const results = await session.run({ a: float32([2], [0, 1]) })
    expect(results['placeholder']!.data).toEqual(Float32Array.of(0, 1))
    expect(results['constant']!.data).toEqual(Float32Array.of(1, 2))
    expect(results['again']!.data).toEqual(results['twice']!.data)
    await session.release()
  })
  test('can have names that are used inside a file', async () => {
    const a = g.input('v1_0', 'float32', [1])
    const session = await Session.compile({ c2: g.exp(g.add(a, 1)), v3_0: g.neg(a) }, [a])
    expect((await session.run({ v1_0: float32([1], [2]) }))['v3_0']!.data).toEqual(
      Float32Array.of(-2),
    )
    await session.release()
  })
})

describe('rejects', () => {
  test('a placeholder that is not among the inputs', () => {
    expect(() => toGraph({ features }, [])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: placeholder "x" is used but not among the graph's inputs]`,
    )
  })
  test('another placeholder of the same name', () => {
    expect(() =>
      toGraph({ features }, [g.input('x', 'float32', ['n', 3, 6, 6])]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: placeholder "x" is used but not among the graph's inputs]`,
    )
  })
  test('a tensor name for a placeholder, an unused value, or a named value', () => {
    const named = (tensors: Readonly<Record<string, Value>>): unknown =>
      toGraph({ features }, [x], tensors)
    expect(() => named({ image: x })).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: tensor "image": expected the result of an operator that the outputs depend on and that has no other name, got Input]`,
    )
    expect(() => named({ elsewhere: g.neg(x) })).toThrow('that the outputs depend on')
    expect(() => named({ one: features, other: features })).toThrow('that has no other name')
    expect(() => named({ features })).toThrow('duplicate name "features"')
  })
  test('inputs with equal names, and an output named like an input', () => {
    const other = g.input('x', 'float32', [1])
    expect(() =>
      toGraph({ features: g.add(features, other) }, [x, other]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: duplicate name "x" among the inputs, outputs and tensors of the graph; choose unique names]`,
    )
    expect(() => toGraph({ x: features }, [x])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: duplicate name "x" among the inputs, outputs and tensors of the graph; choose unique names]`,
    )
  })
})

describe('a session', () => {
  test('names a missing input', async () => {
    const session = await Session.compile({ features }, [x], {}, 'model.onnx')
    await expect(session.run({}, 'model.onnx')).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: model.onnx: input "x" is missing]`,
    )
    await session.release()
  })
  test('reports the message of onnxruntime for a wrong shape', async () => {
    const session = await Session.compile({ features }, [x], {}, 'model.onnx')
    await expect(session.run({ x: randomTensor([1, 2, 6, 6], 'x') }, 'model.onnx')).rejects.toThrow(
      /^model\.onnx: onnxruntime failed: .*dimensions/s,
    )
    await session.release()
  })
  test('reads views of larger arrays from their offset', async () => {
    const a = g.input('a', 'float32', [2])
    const session = await Session.compile({ b: g.mul(a, 1) }, [a])
    const view = Float32Array.of(1, 2, 3, 4, 5).subarray(2, 4)
    expect((await session.run({ a: float32([2], view) }))['b']!.data).toEqual(Float32Array.of(3, 4))
    await session.release()
  })
  test('reports a device that onnxruntime does not support', async () => {
    await expect(
      Session.compile({ features }, [x], { device: 'abacus' }, 'model.onnx'),
    ).rejects.toThrow(/^model\.onnx: onnxruntime cannot load it on "abacus": /)
  })
})
