/** The start of the attack inside adversarial training. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../core/base/random.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import { distance } from '../../../core/threat/verify.ts'
import { InnerAttack } from '../../../core/training/inner-attack.ts'
import { flatten, linear } from '../../../core/training/layers.ts'
import { initialParameters } from '../../../core/training/training-graph.ts'
import type { TrainedNetwork } from '../../../core/training/training-graph.ts'

const trained: TrainedNetwork = {
  network: { title: 'linear', build: (scope, images) => linear(scope, flatten(images), 3) },
  inputShape: [1, 3, 4],
  mean: [0.5],
  std: [0.5],
  seed: 1,
}
const count = 2000
const epsilon = 0.25

test('in L2 it starts uniformly in the ball', async () => {
  const clean = float32([count, 1, 3, 4], new Float32Array(count * 12).fill(0.5))
  const weights = new Map(initialParameters(trained).map(({ name, initial }) => [name, initial]))
  const adversary = {
    threatModel: { norm: 'L2', epsilon, bounds: [0, 1] },
    steps: 0,
    stepSize: 0.1,
    ramp: 0,
  } as const
  const random = randomStream('inner attack')
  const { data } = await new InnerAttack(trained, { threads: 1 }).run(
    clean,
    new Int32Array(count),
    weights,
    adversary,
    random,
  )
  const center = clean.data.subarray(0, 12)
  const radii = Array.from({ length: count }, (_, i) =>
    distance('L2', center, data.subarray(12 * i, 12 * (i + 1))),
  )
  // The volume within a radius grows with its 12th power, so (r/ε)¹² is uniform in [0, 1]: its mean
  // has a standard deviation of 1 / √(12 · 2000) = 0.0065.
  const shares = radii.map((radius) => (radius / epsilon) ** 12)
  expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) / count - 0.5)).toBeLessThan(0.03)
  expect(Math.max(...radii)).toBeLessThanOrEqual(epsilon * (1 + 1e-6))
  expect(Math.min(...shares)).toBeLessThan(0.05)
  // No direction is preferred: the mean of each component has a standard deviation of about 0.0015.
  for (let i = 0; i < 12; i++) {
    let sum = 0
    for (let row = 0; row < count; row++) sum += data[12 * row + i]! - 0.5
    expect(Math.abs(sum / count)).toBeLessThan(0.008)
  }
})
