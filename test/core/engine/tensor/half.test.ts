/** Half-precision numbers, compared with onnxruntime's casts. */
import { expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { halfToNumber, numberToHalf } from '../../../../core/engine/tensor/half.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

test('each half-precision number is the half of its value', () => {
  const wrong: number[] = []
  for (let bits = 0; bits < 2 ** 16; bits++) {
    const value = halfToNumber(bits)
    if (!Number.isNaN(value) && numberToHalf(value) !== bits) wrong.push(bits)
  }
  expect(wrong).toEqual([])
  expect(numberToHalf(NaN)).toBe(0x7e00)
})

test('rounds as onnxruntime does, ties and subnormal numbers included', async () => {
  const steps = Array.from({ length: 41 }, (_, i) => 2 ** (i - 26))
  const near = steps.flatMap((step) =>
    [1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20, 1.5, 2 - 2 ** -12].flatMap((x) => [
      x * step,
      -x * step,
    ]),
  )
  const random = steps.flatMap((step) =>
    Array.from(randomTensor([50], String(step)).data, (x) => x * step),
  )
  const values = Float32Array.from([...near, ...random, 65504, 65519, 65520, 1e30, -65520, 0, -0])
  const x = g.input('x', 'float32', ['n'])
  const session = await Session.compile({ y: g.cast(x, 'float16') }, [x])
  const { y } = await session.run({ x: float32([values.length], values) })
  await session.release()
  expect(Array.from(values, numberToHalf)).toEqual(Array.from(y!.data, Number))
})
