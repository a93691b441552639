/** Integer arithmetic of a file on its input: logits of onnxruntime, gradients of integer steps. */
import { expect, test } from 'vitest'
import { Session } from '../../../../core/engine/graph/session.ts'
import { newData } from '../../../../core/engine/onnx/tensor-data.ts'
import { writeOnnx, type OnnxGraph, type OnnxNode } from '../../../../core/engine/onnx/file.ts'
import { crossEntropy } from '../../../../core/model/losses.ts'
import { float32, tensor, type DType, type Tensor } from '../../../../core/engine/tensor/tensor.ts'
import { int, node, onnxGraph, randomTensor, sizes, text } from '../../../support/onnx-file.ts'
import { load } from '../../model/load-graph.ts'

const shape = [1, 3, 4, 4] as const
const pixels = Array.from({ length: 48 }, (_, i) => ((i * 37 + 11) % 41) + 1)

function integers(dtype: DType, of: readonly number[], values: readonly number[]): Tensor {
  const data = newData(dtype, values.length)
  values.forEach((value, i) => (data[i] = dtype.endsWith('64') ? BigInt(value) : value))
  return tensor(dtype, of, data)
}

interface Case {
  readonly types: readonly DType[]
  /** From `x` to `a`. */
  readonly nodes: readonly OnnxNode[]
  readonly constants?: (dtype: DType) => Readonly<Record<string, Tensor>>
  /** Elements of `a`; default 48. */
  readonly size?: number
}

const scalar =
  (value: number) =>
  (dtype: DType): Readonly<Record<string, Tensor>> => ({ c: integers(dtype, [], [value]) })
const axis = (): Readonly<Record<string, Tensor>> => ({ axis: sizes(2) })
const wide: readonly DType[] = ['int32', 'int64']

/** Operators with a derivative that a step of 1 shows. */
const smooth: Readonly<Record<string, Case>> = {
  'x + c': { types: wide, nodes: [node('Add', 'x c', 'a')], constants: scalar(3) },
  'c − x': { types: wide, nodes: [node('Sub', 'c x', 'a')], constants: scalar(100) },
  'x · c': { types: wide, nodes: [node('Mul', 'x c', 'a')], constants: scalar(2) },
  'x · x': { types: wide, nodes: [node('Mul', 'x x', 'a')] },
  '−x': { types: wide, nodes: [node('Neg', 'x', 'a')] },
  'x + c in 8 bits': {
    types: ['uint8', 'int8'],
    nodes: [node('Add', 'x c', 'a')],
    constants: scalar(3),
  },
  'a power': { types: wide, nodes: [node('Pow', 'x c', 'a')], constants: scalar(2) },
  'a sum over an axis': {
    types: wide,
    nodes: [node('ReduceSum', 'x axis', 'a')],
    constants: axis,
    size: 12,
  },
  'the largest of an axis': {
    types: ['uint8', 'int32'],
    nodes: [node('ReduceMax', 'x axis', 'a')],
    constants: axis,
    size: 12,
  },
  'a matrix product': {
    types: wide,
    nodes: [node('MatMul', 'x m', 'a')],
    constants: (dtype) => ({
      m: integers(
        dtype,
        [4, 4],
        Array.from({ length: 16 }, (_, i) => i % 3),
      ),
    }),
  },
  padding: {
    types: ['uint8', 'int8', 'int32'],
    nodes: [node('Pad', 'x pads c', 'a')],
    constants: (dtype) => ({
      pads: sizes(0, 0, 1, 1, 0, 0, 1, 1),
      c: integers(dtype, [], [7]),
    }),
    size: 108,
  },
  'the larger than c': {
    types: wide,
    nodes: [node('Greater', 'x c', 'g'), node('Where', 'g x c', 'a')],
    constants: scalar(0),
  },
  'written elements': {
    types: ['uint8', 'int32'],
    nodes: [node('ScatterElements', 'x at c', 'a', { axis: int(3) })],
    constants: (dtype) => ({
      at: integers('int64', [1, 1, 1, 1], [1]),
      c: integers(dtype, [1, 1, 1, 1], [9]),
    }),
  },
  'nearest neighbors': {
    types: ['uint8', 'int32'],
    nodes: [node('Resize', 'x _ scales', 'a', { mode: text('nearest') })],
    constants: () => ({ scales: float32([4], [1, 1, 2, 2]) }),
    size: 192,
  },
  'a narrower type': { types: ['int32', 'int64'], nodes: [node('Cast', 'x', 'a', { to: int(2) })] },
  'the type of another tensor': {
    types: ['int64'],
    nodes: [node('CastLike', 'x c', 'a')],
    constants: () => scalar(0)('int32'),
  },
  'the scale of 8 bits': {
    types: ['uint8'],
    nodes: [node('DequantizeLinear', 'x scale c', 'a')],
    constants: () => ({ ...scalar(3)('uint8'), scale: float32([], [0.5]) }),
  },
}

/** Operators that round or wrap around, and their slope. */
const rounded: Readonly<Record<string, Case & { readonly slope: number }>> = {
  'x / c': { types: wide, nodes: [node('Div', 'x c', 'a')], constants: scalar(3), slope: 1 / 3 },
  'x mod c': { types: wide, nodes: [node('Mod', 'x c', 'a')], constants: scalar(7), slope: 1 },
  'a shift by a bit': {
    types: ['uint8', 'uint32'],
    nodes: [node('BitShift', 'x c', 'a', { direction: text('RIGHT') })],
    constants: scalar(1),
    slope: 0.5,
  },
  'a cast that wraps around': {
    types: ['int32'],
    nodes: [node('Mul', 'x c', 'm'), node('Cast', 'm', 'a', { to: int(2) })],
    constants: scalar(20),
    slope: 20,
  },
}

function fileOf({ nodes, constants, size = 48 }: Case, dtype: DType): OnnxGraph {
  const graph = onnxGraph({
    opset: 18,
    input: shape,
    nodes: [
      ...nodes,
      node('Cast', 'a', 'f', { to: int(1) }),
      node('Flatten', 'f', 'flat'),
      node('Mul', 'flat small', 's'),
      node('MatMul', 's w', 'y'),
    ],
    initializers: {
      ...constants?.(dtype),
      small: float32([], [0.002]),
      w: randomTensor([size, 4], 'w'),
    },
  })
  return { ...graph, inputs: [{ name: 'x', dtype, shape }] }
}

/** Cross-entropy of logits for class 1. */
function lossOf(logits: ArrayLike<number>): number {
  const values = Array.from(logits)
  return Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0)) - values[1]!
}

/** Gradient and logits of the model, and losses of the file in onnxruntime. */
async function measure(graph: OnnxGraph, dtype: DType) {
  const model = await load(graph, { bounds: [0, 100] })
  const image = float32(shape, pixels)
  const found = await model.gradient(image, Int32Array.of(1), crossEntropy)
  const file = await Session.load(writeOnnx(graph))
  const run = async (values: readonly number[]): Promise<Float32Array> => {
    const { y } = await file.run({ x: integers(dtype, shape, values) })
    return y!.data as Float32Array
  }
  return { ...found, run, release: () => file.release() }
}

const list = <C extends Case>(
  cases: Readonly<Record<string, C>>,
): (C & { name: string; dtype: DType })[] =>
  Object.entries(cases).flatMap(([name, each]) =>
    each.types.map((dtype) => ({ ...each, name, dtype })),
  )

test.each(list(smooth))('$name in $dtype has the gradient of steps by 1', async (each) => {
  const { logits, gradient, run, release } = await measure(fileOf(each, each.dtype), each.dtype)
  expect(logits.data).toBeAllclose(await run(pixels), { rtol: 1e-5, atol: 1e-5 })
  const differences: number[] = []
  for (const [i, value] of pixels.entries()) {
    const up = lossOf(await run(pixels.with(i, value + 1)))
    const down = lossOf(await run(pixels.with(i, value - 1)))
    differences.push((up - down) / 2)
  }
  await release()
  const scale = Math.max(...differences.map(Math.abs))
  expect(scale).toBeGreaterThan(1e-5)
  expect(gradient.data).toBeAllclose(differences, { rtol: 0.01, atol: 0.01 * scale })
})

test.each(list(rounded))('$name in $dtype passes its gradient', async (each) => {
  const { logits, gradient, run, release } = await measure(fileOf(each, each.dtype), each.dtype)
  const expected = await run(pixels)
  await release()
  expect(logits.data).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-5 })
  // softmax(z) − e₁, times the weights, their factor, and the slope.
  const total = expected.reduce((sum, value) => sum + Math.exp(value), 0)
  const weights = randomTensor([48, 4], 'w').data
  const closed = pixels.map((_, i) =>
    expected.reduce((sum, value, k) => {
      const error = Math.exp(value) / total - Number(k === 1)
      return sum + error * weights[4 * i + k]! * 0.002 * each.slope
    }, 0),
  )
  expect(gradient.data).toBeAllclose(closed, { rtol: 1e-4, atol: 1e-7 })
})

test('linear interpolation of 8 bits has the numbers of onnxruntime', async () => {
  const resize = node('Resize', 'x _ scales', 'a', {
    mode: text('linear'),
  })
  const constants = (): Readonly<Record<string, Tensor>> => ({ scales: float32([4], [1, 1, 2, 2]) })
  const each: Case = { types: ['uint8'], nodes: [resize], constants, size: 192 }
  const { logits, gradient, run, release } = await measure(fileOf(each, 'uint8'), 'uint8')
  expect(logits.data).toBeAllclose(await run(pixels), { rtol: 1e-5, atol: 1e-5 })
  expect(gradient.data.every((value) => value !== 0)).toBe(true)
  await release()
})
