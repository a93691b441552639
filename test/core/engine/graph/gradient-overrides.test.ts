/** Gradient overrides and straight-through estimates replace derivatives. */
import { describe, expect, test } from 'vitest'
import { gradient, type GradientOptions } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { createNode, type Value } from '../../../../core/engine/graph/value.ts'
import { float32, tensor } from '../../../../core/engine/tensor/tensor.ts'

const x = g.input('x', 'float32', [4])
const numbers = [-1.5, -0.2, 0.4, 2.5]

/** The gradient of Σ of, at the numbers. */
async function slopeOf(of: Value, options: GradientOptions = {}): Promise<number[]> {
  const [slope] = gradient(of, [x], options)
  const session = await Session.compile({ slope: slope! }, [x])
  const outputs = await session.run({ x: float32([4], numbers) })
  await session.release()
  return Array.from(
    outputs['slope']!.data as Float32Array,
    (value) => Math.round(value * 1e5) / 1e5,
  )
}

describe('a gradient override', () => {
  const y = g.mul(g.mul(x, x), x)
  const z = g.mul(y, 5)

  test('passes the gradient of y to x unchanged', async () => {
    expect(await slopeOf(z, { overrides: new Map([[y, x]]) })).toEqual([5, 5, 5, 5])
  })
  test('of null stops the gradient on that path only', async () => {
    const overrides = new Map([[y, null]])
    expect(await slopeOf(z, { overrides })).toEqual([0, 0, 0, 0])
    expect(await slopeOf(g.add(z, x), { overrides })).toEqual([1, 1, 1, 1])
  })
  test('adds to gradients of x on other paths', async () => {
    const both = g.add(z, g.mul(x, 2))
    expect(await slopeOf(both, { overrides: new Map([[y, x]]) })).toEqual([7, 7, 7, 7])
  })
  test('skips an operator without a derivative rule', async () => {
    const all = g.constant(tensor('bool', [4], Uint8Array.of(1, 1, 1, 1)))
    const { dtype, shape } = x
    const kept = createNode('Compress', 'kept', [x, all], {}, [{ dtype, shape }]).outputs[0]!
    const tripled = g.mul(kept, 3)
    expect(() => gradient(tripled, [x])).toThrow('Compress "kept" has no derivative rule')
    expect(await slopeOf(tripled, { overrides: new Map([[kept, x]]) })).toEqual([3, 3, 3, 3])
  })
  test('can target an intermediate value, whose derivative applies', async () => {
    const half = g.mul(x, 0.5)
    const rounded = g.op('Round', [half])[0]!
    expect(await slopeOf(g.mul(rounded, 4), { overrides: new Map([[rounded, half]]) })).toEqual([
      2, 2, 2, 2,
    ])
  })
  test('of one of several outputs does not affect the others', async () => {
    const [left, right] = g.op('Split', [x, g.integers([2, 2])], { axis: 0 })
    const sum = g.concat([g.mul(left!, 2), g.mul(right!, 3)], 0)
    expect(await slopeOf(sum, { overrides: new Map([[left!, null]]) })).toEqual([0, 0, 3, 3])
  })
  test('must target an earlier value with the same shape', () => {
    const sum = g.reduceSum(y, [0])
    expect(() =>
      gradient(sum, [x], { overrides: new Map([[sum, x]]), name: 'a.onnx' }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: a.onnx: the gradient of ReduceSum [] cannot be passed to Input "x" [4]: expected an earlier value with the same shape]`,
    )
    const stranger = g.input('stranger', 'float32', [4])
    expect(() => gradient(y, [x], { overrides: new Map([[y, stranger]]) })).toThrow(
      'cannot be passed',
    )
  })
})

describe('a straight-through estimate', () => {
  const straight = { straightThrough: true }
  const above = g.greater(x, 0.5)

  test.each(['Round', 'Floor', 'Ceil'])('treats %s as the identity', async (op) => {
    const rounded = g.mul(g.op(op, [g.mul(x, 255)])[0]!, 1 / 255)
    expect(await slopeOf(rounded)).toEqual([0, 0, 0, 0])
    expect(await slopeOf(rounded, straight)).toEqual([1, 1, 1, 1])
  })
  test('passes Sign where |x| ≤ 1', async () => {
    expect(await slopeOf(g.sign(x))).toEqual([0, 0, 0, 0])
    expect(await slopeOf(g.mul(g.sign(x), 3), straight)).toEqual([0, 3, 3, 0])
  })
  test('treats a cast comparison like half a sign', async () => {
    const bits = g.cast(above, 'float32')
    expect(await slopeOf(bits)).toEqual([0, 0, 0, 0])
    // |x − 0.5| ≤ 1 holds for −0.2 and 0.4.
    expect(await slopeOf(bits, straight)).toEqual([0, 0.5, 0.5, 0])
    expect(await slopeOf(g.cast(g.not(above), 'float32'), straight)).toEqual([0, -0.5, -0.5, 0])
    expect(await slopeOf(g.cast(g.less(x, 0.5), 'float32'), straight)).toEqual([0, -0.5, -0.5, 0])
  })
  test('passes a selection between constants, weighted by their difference', async () => {
    expect(await slopeOf(g.where(above, 3, -1))).toEqual([0, 0, 0, 0])
    expect(await slopeOf(g.where(above, 3, -1), straight)).toEqual([0, 2, 2, 0])
  })
  test('does not apply to a selection between values with gradients', async () => {
    const leaky = g.where(g.greater(x, 0), x, g.mul(x, 0.1))
    expect(await slopeOf(leaky, straight)).toEqual([0.1, 0.1, 1, 1])
  })
  test('passes a cast to integers and back', async () => {
    const whole = g.cast(g.cast(g.mul(x, 8), 'int32'), 'float32')
    expect(await slopeOf(whole)).toEqual([0, 0, 0, 0])
    expect(await slopeOf(whole, straight)).toEqual([8, 8, 8, 8])
  })
  test('does not affect operators with a derivative', async () => {
    const smooth = g.tanh(g.relu(g.clip(x, -1, 1)))
    expect(await slopeOf(smooth, straight)).toEqual(await slopeOf(smooth))
  })
})
