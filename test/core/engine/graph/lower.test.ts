/** Lowered graphs have the same results and stay in the blocked layout. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import type { Attributes, Value } from '../../../../core/engine/graph/value.ts'
import { readOnnx, writeOnnx, type OnnxAttribute } from '../../../../core/engine/onnx/file.ts'
import { randomStream } from '../../../../core/base/random.ts'
import {
  float32,
  sizeOf,
  type FloatTensor,
  type Tensor,
} from '../../../../core/engine/tensor/tensor.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'robench-lower-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('polyphase transposed convolution', () => {
  it.each<[string, readonly number[], readonly number[], Attributes]>([
    [
      'even sizes',
      [2, 3, 4, 5],
      [3, 2, 3, 3],
      { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
    ],
    ['odd sizes', [2, 3, 4, 5], [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }],
    [
      'a kernel smaller than the stride',
      [1, 2, 3, 3],
      [2, 4, 1, 1],
      { strides: [2, 2], output_padding: [1, 1] },
    ],
    [
      'stride 3 and a larger kernel',
      [1, 2, 3, 4],
      [2, 2, 4, 5],
      { strides: [3, 3], pads: [2, 0, 1, 3] },
    ],
    ['strides that differ', [1, 2, 3, 4], [2, 3, 3, 2], { strides: [1, 2], pads: [0, 1, 1, 0] }],
    [
      'a depthwise kernel',
      [2, 16, 4, 5],
      [16, 1, 3, 4],
      { strides: [2, 3], pads: [1, 1, 1, 2], output_padding: [1, 0], group: 16 },
    ],
    [
      'a depthwise kernel smaller than the stride',
      [1, 4, 3, 3],
      [4, 1, 1, 1],
      { strides: [2, 2], output_padding: [1, 1], group: 4 },
    ],
    ['pads beyond the kernel', [1, 2, 6, 6], [2, 2, 3, 3], { strides: [2, 2], pads: [3, 3, 3, 3] }],
  ])('gives what onnxruntime gives for %s', async (_title, shape, kernel, attributes) => {
    const [x, weight] = [randomTensor(shape, 'x'), randomTensor(kernel, 'w')]
    const image = g.input('x', 'float32', shape)
    const y = g.op('ConvTranspose', [image, g.constant(weight)], attributes)[0]!
    const ours = await run({ y }, [image], { x })
    const theirs = await runNode(
      'ConvTranspose',
      attributes,
      { x, weight },
      y.shape as readonly number[],
    )
    expectClose(ours['y']!, theirs, 1e-5)
  })

  it('adds two of them before they are put together', async () => {
    const shape = [2, 16, 4, 4]
    const [a, b] = [g.input('a', 'float32', shape), g.input('b', 'float32', shape)]
    const wide = g.convTranspose(a, g.constant(randomTensor([16, 16, 3, 3], 'wide')), {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    })
    const narrow = g.convTranspose(b, g.constant(randomTensor([16, 16, 1, 1], 'narrow')), {
      strides: [2, 2],
      output_padding: [1, 1],
    })
    const feeds = { a: randomTensor(shape, 'a'), b: randomTensor(shape, 'b') }
    const results = await run({ sum: g.add(wide, narrow), wide, narrow }, [a, b], feeds)
    const expected = floats(results['wide']!).map(
      (value, i) => value + floats(results['narrow']!)[i]!,
    )
    expectClose(results['sum']!, float32([2, 16, 8, 8], expected), 1e-5)
    const operators = await optimized({ sum: g.add(wide, narrow) }, [a, b])
    expect(operators.filter((op) => op === 'Concat')).toHaveLength(1)
  })
})

describe('a residual network with constant weights', () => {
  const shape = [3, 12, 12] as const
  const weights = [
    [16, 3, 3, 3],
    [16, 16, 3, 3],
    [32, 16, 3, 3],
    [32, 32, 3, 3],
    [32, 16, 1, 1],
    [5, 32],
  ].map((size, i) => randomTensor(size, `w${i}`, 0.3))
  const images = g.input('x', 'float32', ['n', ...shape])

  it('has the gradient that it has with weights that are fed', async () => {
    const x = randomTensor([3, ...shape], 'images')
    const placeholders = weights.map((weight, i) => g.input(`w${i}`, 'float32', weight.shape))
    const constant = await run(
      withGradient(
        images,
        weights.map((weight) => g.constant(weight)),
      ),
      [images],
      { x },
    )
    const fed = await run(withGradient(images, placeholders), [images, ...placeholders], {
      x,
      ...Object.fromEntries(weights.map((weight, i) => [`w${i}`, weight])),
    })
    expectClose(constant['dx']!, fed['dx']!, 1e-4)
    expectClose(constant['logits']!, fed['logits']!, 1e-4)
  })

  it('gives each example the same gradient in any batch, to the bit', async () => {
    const x = randomTensor([5, ...shape], 'images')
    const size = sizeOf(shape)
    const outputs = withGradient(
      images,
      weights.map((weight) => g.constant(weight)),
    )
    const whole = floats((await run(outputs, [images], { x }))['dx']!)
    for (const i of [0, 3, 4]) {
      const row = float32([1, ...shape], x.data.slice(i * size, (i + 1) * size) as Float32Array)
      const alone = floats((await run(outputs, [images], { x: row }))['dx']!)
      expect(alone).toEqual(whole.slice(i * size, (i + 1) * size))
    }
  })

  it.runIf(process.arch === 'x64')(
    'stays in the blocked layout except at strides and both ends',
    async () => {
      const operators = await optimized(
        withGradient(
          images,
          weights.map((weight) => g.constant(weight)),
        ),
        [images],
      )
      expect(operators).not.toContain('Where')
      // Enter after the pool's gradient and after the stride; nothing else.
      expect(operators.filter((op) => op === 'ReorderInput')).toHaveLength(2)
      // Leave at the pool, by each row phase, and with the image's gradient.
      expect(operators.filter((op) => op === 'ReorderOutput')).toHaveLength(4)
    },
  )

  it('has a second derivative', async () => {
    const values = withGradient(
      images,
      weights.map((weight) => g.constant(weight)),
    )
    const [again] = gradient(g.reduceSum(g.mul(values['dx']!, values['dx']!), [0, 1, 2, 3]), [
      images,
    ])
    const results = await run({ again: again! }, [images], {
      x: randomTensor([2, ...shape], 'images'),
    })
    expect(floats(results['again']!).every(Number.isFinite)).toBe(true)
  })
})

describe("a ReLU's gradient in the blocked layout", () => {
  it.each([
    [-1, 0],
    [0, 0],
    [1.1754943508222875e-38, 1],
    [1e-20, 1],
    [1, 1],
    [1e30, 1],
  ])('at %d is %d times what flows', async (at, slope) => {
    const identity = (size: number): Value =>
      g.floats(
        [size, size, 1, 1],
        Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0)),
      )
    const x = g.input('x', 'float32', ['n', 16, 2, 2])
    const y = g.conv(
      g.relu(g.conv(x, identity(16))),
      g.constant(randomTensor([16, 16, 1, 1], 'last')),
    )
    const [dx] = gradient(y, [x])
    const linear = gradient(g.conv(x, y.node.inputs[1]!), [x])[0]!
    const feeds = { x: float32([1, 16, 2, 2], new Float32Array(64).fill(at)) }
    const results = await run({ dx: dx!, linear }, [x], feeds)
    expectClose(
      results['dx']!,
      float32(
        [1, 16, 2, 2],
        floats(results['linear']!).map((value) => value * slope),
      ),
      1e-6,
    )
  })
})

/** stem; a block with stride 2 and a convolved shortcut; mean; linear. */
function withGradient(
  images: Value,
  [stem, same, down, second, shortcut, head]: readonly Value[],
): Record<string, Value> {
  const three = { pads: [1, 1, 1, 1] }
  const x = g.relu(g.conv(images, stem!, null, three))
  const plain = g.relu(g.add(g.conv(x, same!, null, three), x))
  const inner = g.relu(g.conv(plain, down!, null, { ...three, strides: [2, 2] }))
  const outer = g.add(
    g.conv(inner, second!, null, three),
    g.conv(plain, shortcut!, null, { strides: [2, 2] }),
  )
  const logits = g.gemm(g.op('Flatten', [g.globalAveragePool(g.relu(outer))])[0]!, head!, null, {
    transB: 1,
  })
  const [dx] = gradient(g.reduceMax(logits, [1]), [images])
  return { logits, dx: dx! }
}

async function run(
  outputs: Record<string, Value>,
  inputs: readonly Value[],
  feeds: Record<string, Tensor>,
): Promise<Record<string, Tensor>> {
  const session = await Session.compile(outputs, inputs)
  const results = await session.run(feeds)
  await session.release()
  return results
}

/** The operators of a graph after onnxruntime's optimizations. */
async function optimized(
  outputs: Record<string, Value>,
  inputs: readonly Value[],
): Promise<string[]> {
  const file = join(folder, 'optimized.onnx')
  const session = await ort.InferenceSession.create(toOnnx(outputs, inputs), {
    optimizedModelFilePath: file,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
  await session.release()
  return readOnnx(await readFile(file), 'optimized').nodes.map((node) => node.op)
}

/** One operator of a file, as onnxruntime runs it. */
async function runNode(
  op: string,
  attributes: Attributes,
  feeds: Record<string, Tensor>,
  shape: readonly number[],
): Promise<Tensor> {
  const list = Object.entries(attributes).map(
    ([key, value]) =>
      [key, { type: Array.isArray(value) ? 'ints' : 'int', value } as OnnxAttribute] as const,
  )
  const info = Object.entries(feeds).map(([name, feed]) => ({
    name,
    dtype: feed.dtype,
    shape: feed.shape,
  }))
  const bytes = writeOnnx({
    opset: 18,
    domains: [],
    inputs: info,
    outputs: [{ name: 'y', dtype: 'float32', shape }],
    initializers: new Map(),
    nodes: [
      {
        name: 'node',
        op,
        domain: '',
        inputs: Object.keys(feeds),
        outputs: ['y'],
        attributes: Object.fromEntries(list),
      },
    ],
  })
  const session = await Session.load(bytes)
  const results = await session.run(feeds)
  await session.release()
  return results['y']!
}

function randomTensor(shape: readonly number[], name: string, scale = 1): FloatTensor {
  const random = randomStream('lower', name)
  return float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => scale * random.normal()),
  )
}

function floats(tensor: Tensor): Float32Array {
  return tensor.data as Float32Array
}

function expectClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  expect(actual.shape).toEqual(expected.shape)
  expect(floats(actual)).toBeAllclose(floats(expected), { rtol: tolerance, atol: tolerance })
}

it('the gradient of a clip after a convolution is exact at every float32 near its limits', async () => {
  const weight = g.floats(
    [16, 1, 1, 1],
    Array.from({ length: 16 }, () => 1),
  )
  const x = g.input('x', 'float32', ['n', 16, 1, 2])
  const y = g.clip(g.conv(x, weight, null, { group: 16 }), 0, 6)
  const [slope] = gradient(y, [x])
  const session = await Session.compile({ y, slope: slope! }, [x])
  const below = 6 - 2 ** -21
  const points = [-1, 0, 2 ** -100, 1, 5.999, below, 6, 6.1, -0.1, 3, 7, 1e9, -1e9, 4, 2, 0.5]
  const data = Float32Array.from({ length: 32 }, (_, i) => points[i % 16]!)
  const result = await session.run({ x: float32([1, 16, 1, 2], data) })
  await session.release()
  expect([...result['slope']!.data]).toEqual(Array.from(data, (v) => Number(v > 0 && v < 6)))
  expect([...result['y']!.data]).toEqual(Array.from(data, (v) => Math.min(6, Math.max(0, v))))
})
