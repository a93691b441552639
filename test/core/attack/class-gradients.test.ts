/** Class gradients: a shared forward pass gives the same results as separate ones. */
import { expect, test } from 'vitest'
import { classGradientCost, prepareClassGradients } from '../../../core/attack/class-gradients.ts'
import { randomStream } from '../../../core/base/random.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import {
  compiledLinearModel,
  LinearModel,
  randomLinearClassifier,
} from '../../../core/testing/index.ts'

const classifier = randomLinearClassifier([2, 3, 5], 13, 4)
const stream = randomStream(4, 'class gradients')
const points = float32(
  [3, 2, 3, 5],
  Float32Array.from({ length: 3 * 30 }, () => stream.uniform()),
)
const labels = Int32Array.of(0, 5, 12)

test.each([1, 4, 9, 12])('gradients toward %i rivals', async (count) => {
  const rivals = Array.from({ length: count }, (_, turn) =>
    labels.map((label) => (label + 1 + turn) % 13),
  )
  const plain = new LinearModel(classifier)
  const expected = await (await prepareClassGradients(plain, count))(points, labels, rivals)
  expect(plain.passes).toEqual({ forward: 3 * count, backward: 3 * count })

  const model = await compiledLinearModel(classifier)
  try {
    const result = await (await prepareClassGradients(model, count))(points, labels, rivals)
    expect(result.gradients).toHaveLength(count)
    result.gradients.forEach((gradient, place) => {
      expect(gradient.shape).toEqual(points.shape)
      // The compiled model computes in float32, and the linear model in float64.
      expect(gradient.data).toBeAllclose(expected.gradients[place]!.data, { atol: 1e-5 })
    })
    expect(result.logits.data).toBeAllclose(expected.logits.data, { atol: 1e-4 })
    const { forward, backward } = classGradientCost(count)
    expect(model.passes).toEqual({ forward: 3 * forward, backward: 3 * backward })
    expect(forward).toBe(count > 9 ? 2 : 1)
    expect(backward).toBe(count)
  } finally {
    await model.dispose()
  }
})
