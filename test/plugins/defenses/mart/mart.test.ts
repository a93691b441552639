/** MART: a training step is that of PyTorch. */
import { expect, test } from 'vitest'
import { mart } from '../../../../plugins/defenses/mart/mart.ts'
import { afterOneStep } from '../training/one-step.ts'

// p' = softmax(f(x')), new_y the most likely class of p' other than y:
// cross_entropy(f(x'), y) + nll_loss(log(1 + guard − p'), new_y)
//   + 5 · mean(kl_div(log_softmax(f(x')), softmax(f(x)), 'none').sum(1) · (1 − softmax(f(x))_y)),
// where x' ascends cross_entropy by 10 sign steps of ε/4 from x + 0.001 · normal.
const expected = [
  2.1085302, -0.8508575, -2.3955122, 1.2294495, -0.1197425, -1.6508794, -2.0733044, 0.5343413,
  2.4902855,
]
/** The same with the guard of the authors' code, 10⁻⁴ instead of 10⁻⁷. */
const withTheirGuard = [
  2.1084738, -0.850758, -2.3955099, 1.2292264, -0.1196591, -1.6506392, -2.0731479, 0.5342447,
  2.4901867,
]

test('one step agrees with PyTorch, and nearly with the guard of the authors', async () => {
  const logits = await afterOneStep(mart)
  // Float32 in both passes, times a rate of 0.5.
  expect(logits).toBeAllclose(expected, { rtol: 0, atol: 2e-5 })
  expect(logits).toBeAllclose(withTheirGuard, { rtol: 0, atol: 3e-4 })
})
