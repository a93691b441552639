/** Minimal filtering equals convolution for any batch, and skips ineligible layers. */
import { describe, expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { topologicalOrder, type Value } from '../../../../core/engine/graph/value.ts'
import { useWinograd } from '../../../../core/engine/graph/winograd.ts'
import { gatherRows, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const same = { pads: [1, 1, 1, 1] }

describe.each([
  ['one tile', [128, 128, 4, 4]],
  ['one tile, more outputs than inputs', [128, 256, 4, 4]],
  ['part of a tile', [256, 256, 3, 4]],
  ['four tiles', [256, 256, 8, 8]],
  ['two tiles side by side', [256, 256, 4, 8]],
  ['two tiles one above the other', [256, 256, 8, 4]],
  ['tiles that reach over both edges', [304, 304, 7, 7]],
  ['tiles that reach over one edge', [320, 320, 8, 11]],
  ['an image smaller than the kernel', [64, 96, 2, 2]],
  ['a row smaller than the kernel', [64, 64, 1, 5]],
] as const)('%s', (_, [inside, out, height, width]) => {
  const weight = g.constant(randomTensor([out, inside, 3, 3], 'weight'))
  const bias = g.constant(randomTensor([out], 'bias'))
  const x = g.input('x', 'float32', ['n', inside, height, width])
  const images = randomTensor([3, inside, height, width], 'x')

  test('equals the convolution up to 4e-6 of the largest output', async () => {
    const y = g.conv(x, weight, bias, same)
    expect(isRewritten(y)).toBe(true)
    await expectAgreement({ y }, x, images)
  })
})

describe('a network with a residual connection', () => {
  const [channels, size] = [128, 4]
  const x = g.input('x', 'float32', ['n', channels, size, size])
  const kernel = (name: string): Value => {
    const tensor = randomTensor([channels, channels, 3, 3], name)
    return g.constant({ ...tensor, data: tensor.data.map((value) => value / 20) })
  }
  const first = g.relu(g.conv(x, kernel('a'), null, same))
  const second = g.conv(first, kernel('b'), g.constant(randomTensor([channels], 'bias')), same)
  const features = g.relu(g.add(second, first))
  const result = g.reduceMean(features, [1, 2, 3])
  const [slope] = gradient(result, [x])

  test('has the same logits and gradients', async () => {
    expect(isRewritten(slope!)).toBe(true)
    await expectAgreement(
      { result, slope: slope! },
      x,
      randomTensor([5, channels, size, size], 'x'),
    )
  })

  test('replaces all 3×3 kernels of network and gradient', () => {
    const values = useWinograd([slope!])
    const kernels = topologicalOrder(values).flatMap(({ op, inputs }) =>
      op === 'Conv' ? [inputs[1]!.shape.slice(2).join('×')] : [],
    )
    expect(new Set(kernels)).toEqual(new Set(['1×1']))
  })

  test('is written to files unchanged', () => {
    expect(isRewritten(result)).toBe(true)
    expect(toOnnx({ result }, [x]).length).toBeLessThan(2.1 * 4 * 9 * channels ** 2)
  })
})

// Sessions use minimal filtering only where onnxruntime has blocked kernels.
describe.runIf(process.arch === 'x64')('every example of a batch', () => {
  test.each([
    ['one tile', 256, 4],
    ['four tiles', 256, 8],
  ])('has the same bits in any batch, %s', async (_, channels, size) => {
    const x = g.input('x', 'float32', ['n', channels, size, size])
    const weight = g.constant(randomTensor([channels, channels, 3, 3], 'weight'))
    const session = await Session.compile({ y: g.conv(x, weight, null, same) }, [x])
    const images = randomTensor([65, channels, size, size], 'x')
    const whole = (await session.run({ x: images }))['y'] as FloatTensor
    for (const rows of [[64], [7, 3], [0, 1, 2], [60, 3, 2, 64, 1], range(32), range(64)]) {
      const { y } = await session.run({ x: gatherRows(images, rows) })
      expect(bitsOf(y as FloatTensor).equals(bitsOf(gatherRows(whole, rows)))).toBe(true)
    }
    await session.release()
  })
})

describe('unchanged are', () => {
  const image = (channels: number, size: number): Value =>
    g.input('x', 'float32', ['n', channels, size, size])
  const constant = (...shape: number[]): Value => g.constant(randomTensor(shape, 'weight'))

  test.each<[string, () => Value]>([
    [
      'strides',
      () => g.conv(image(256, 8), constant(256, 256, 3, 3), null, { ...same, strides: [2, 2] }),
    ],
    [
      'dilations',
      () =>
        g.conv(image(256, 8), constant(256, 256, 3, 3), null, {
          pads: [2, 2, 2, 2],
          dilations: [2, 2],
        }),
    ],
    ['groups', () => g.conv(image(512, 4), constant(512, 256, 3, 3), null, { ...same, group: 2 })],
    ['other padding', () => g.conv(image(256, 8), constant(256, 256, 3, 3))],
    [
      'other kernels',
      () => g.conv(image(256, 8), constant(256, 256, 1, 3), null, { pads: [0, 1, 0, 1] }),
    ],
    [
      'placeholder weights',
      () => g.conv(image(256, 4), g.input('w', 'float32', [256, 256, 3, 3]), null, same),
    ],
    [
      'channels that are not blocked',
      () => g.conv(image(250, 4), constant(250, 250, 3, 3), null, same),
    ],
    ['few channels at one tile', () => g.conv(image(64, 4), constant(64, 64, 3, 3), null, same)],
    [
      'few channels at several tiles',
      () => g.conv(image(128, 8), constant(128, 128, 3, 3), null, same),
    ],
    [
      'few channels of images smaller than the kernel',
      () => g.conv(image(48, 2), constant(48, 48, 3, 3), null, same),
    ],
    [
      'layers whose kernels would exceed the memory limit',
      () => {
        const shape = g.integers([2048, 2048, 3, 3])
        const weight = g.op('Expand', [g.scalar(1), shape])[0]!
        return g.conv(image(2048, 4), weight, null, same)
      },
    ],
  ])('%s', (_, define) => {
    const y = define()
    expect(useWinograd([y])).toEqual([y])
  })
})

function isRewritten(y: Value): boolean {
  return useWinograd([y])[0] !== y
}

/** The difference between rewritten outputs and onnxruntime's own convolution. */
async function expectAgreement(
  outputs: Readonly<Record<string, Value>>,
  x: Value,
  images: FloatTensor,
): Promise<void> {
  const plain = await Session.load(toOnnx(outputs, [x]))
  const rewritten = await Session.load(toOnnx(outputs, [x], {}, useWinograd))
  const [expected, actual] = [await plain.run({ x: images }), await rewritten.run({ x: images })]
  for (const name of Object.keys(outputs)) {
    const [a, b] = [expected[name] as FloatTensor, actual[name] as FloatTensor]
    expect(b.shape).toEqual(a.shape)
    const largest = a.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const worst = a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0)
    expect(worst / largest).toBeLessThan(4e-6)
  }
  await Promise.all([plain.release(), rewritten.release()])
}

/** The bytes of a tensor, for comparisons of whole tensors. */
function bitsOf({ data }: FloatTensor): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
