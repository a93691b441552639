/** TRADES: a training step is that of PyTorch. */
import { expect, test } from 'vitest'
import { trades } from '../../../../plugins/defenses/trades/trades.ts'
import { afterOneStep } from '../training/one-step.ts'

test('one step with ten steps of the inner attack agrees with PyTorch', async () => {
  // cross_entropy(f(x), y) + 6 · kl_div(log_softmax(f(x')), softmax(f(x)), 'batchmean'), where
  // x' ascends the same kl_div by sign steps of ε/4 from x + 0.001 · normal.
  const expected = [
    1.2290373, -0.2756318, -1.8178837, 0.0205509, 0.2543714, -0.2253392, -0.9106264, 0.087611,
    1.6392362,
  ]
  // Float32 in both passes, times a rate of 0.5.
  expect(await afterOneStep(trades)).toBeAllclose(expected, { rtol: 0, atol: 2e-5 })
})

test('β = 0 is standard training', async () => {
  const { standard } = await import('../../../../plugins/defenses/standard/standard.ts')
  const expected = await afterOneStep(standard)
  expect(await afterOneStep(trades, { beta: 0 })).toBeAllclose(expected, { rtol: 0, atol: 1e-6 })
})
