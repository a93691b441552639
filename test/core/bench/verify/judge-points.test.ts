/** Points are judged by distance, bounds, and prediction, in each norm. */
import { expect, test } from 'vitest'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { isWithinRounding, judgePoints } from '../../../../core/bench/verify/judge-points.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'

/** Logits (x₀, x₁) of images [1, 1, 2]; the label is 0. */
const predictor = {
  path: 'test',
  logits: async (points: ReturnType<typeof float32>) =>
    float32([points.shape[0]!, 2], points.data.slice()),
  close: async () => {},
}

function judge(norm: Norm, epsilon: number, points: readonly (readonly number[])[]) {
  const count = points.length
  const centers = float32(
    [count, 1, 1, 2],
    Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 ? 0.25 : 0.5)),
  )
  return judgePoints({
    points: float32([count, 1, 1, 2], Float32Array.from(points.flat())),
    centers,
    labels: new Int32Array(count),
    threatModel: { norm, epsilon, bounds: [0, 1] },
    reference: { count: 0, select: () => ({ inputs: centers, labels: new Int32Array(0) }) },
    predictor,
    batchSize: 2,
  })
}

test.for<[Norm, number, number]>([
  ['Linf', 0.125, 0.125],
  ['L2', Math.sqrt(2) * 0.125, Math.sqrt(2) * 0.125],
  ['L1', 0.25, 0.25],
  ['L0', 2, 2],
])('%s: the distance is exact, and more than ε is outside', async ([norm, epsilon, distance]) => {
  const [inside] = await judge(norm, epsilon, [[0.375, 0.375]])
  expect(inside).toEqual({ distance, prediction: 0, margin: 0, scale: 0.375 })
  const [outside] = await judge(norm, epsilon * 0.99, [[0.375, 0.375]])
  expect(outside!.outside).toBe(`has the ${norm} distance ${distance}, more than ${epsilon * 0.99}`)
})

test('a value outside the bounds and a value that is not finite are outside', async () => {
  const judged = await judge('Linf', 5, [
    [-0.25, 0.5],
    [0.5, 1.5],
    [Number.NaN, 0.5],
  ])
  expect(judged.map(({ outside }) => outside)).toEqual([
    'has the value -0.25, outside [0, 1]',
    'has the value 1.5, outside [0, 1]',
    'has the value NaN, outside [0, 1]',
  ])
})

test('the margin is negative where the point fools the model, and close margins are rounding', async () => {
  const judged = await judge('Linf', 1, [
    [0.25, 0.75],
    [0.75, 0.25],
    [0.5, 0.50001],
  ])
  expect(judged.map(({ prediction }) => prediction)).toEqual([1, 0, 1])
  expect(judged.map(({ margin }) => Number(margin.toFixed(3)))).toEqual([-0.5, 0.5, -0])
  expect(judged.map(isWithinRounding)).toEqual([false, false, true])
})
