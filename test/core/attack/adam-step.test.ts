/** Steps of Adam against its formula. */
import { expect, test } from 'vitest'
import { adamStep, startAdam } from '../../../core/attack/adam-step.ts'

test('the first step has the step size in every component, whatever the gradient', () => {
  const state = startAdam(4)
  const output = new Float64Array(4)
  adamStep(state, Float32Array.of(0, 0, 0, 0), Float32Array.of(1e-3, -7, 0, 200), 0.01, output)
  expect(output).toBeAllclose(Float64Array.of(0.01, -0.01, 0, 0.01), { rtol: 1e-4, atol: 0 })
})

test('the running means decay, and are corrected for bias', () => {
  const state = startAdam(1)
  const output = new Float64Array(1)
  const gradients = [1, -0.5, 0.25]
  for (const gradient of gradients) {
    adamStep(state, Float32Array.of(0), Float32Array.of(gradient), 1, output)
  }
  const weighted = (decay: number, values: readonly number[]): number =>
    values.reduce((sum, value) => decay * sum + (1 - decay) * value, 0) / (1 - decay ** 3)
  const first = weighted(0.9, gradients)
  const second = weighted(
    0.999,
    gradients.map((g) => g * g),
  )
  expect(output[0]).toBeCloseTo(first / (Math.sqrt(second) + 1e-8), 12)
})
