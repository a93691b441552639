/** FGSM adversarial training: a training step is that of PyTorch. */
import { expect, test } from 'vitest'
import { fgsmAt } from '../../../../plugins/defenses/fgsm-at/fgsm-at.ts'
import { pgdAt } from '../../../../plugins/defenses/pgd-at/pgd-at.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import { afterOneStep } from '../training/one-step.ts'

test('one step of 1.25 ε from a uniform start agrees with PyTorch', async () => {
  // cross_entropy(f(x'), y) with x' = clamp(x + δ + 1.25 ε · sign), δ uniform in the ball.
  const expected = [
    2.4474075, -0.6874535, -2.9028295, 0.2451569, 0.2086508, -0.5045537, -1.7995752, 0.4197053,
    2.3427116,
  ]
  expect(await afterOneStep(fgsmAt)).toBeAllclose(expected, { rtol: 0, atol: 2e-5 })
})

test('it is pgd-at with one such step', async () => {
  const one = await afterOneStep(pgdAt, { steps: 1, stepSize: 0.125 })
  expect(await afterOneStep(fgsmAt)).toEqual(one)
})

test('the number of steps is no option', () => {
  expect(() => resolveOptions(fgsmAt.meta, { steps: 2 }, 'options')).toThrow(
    'options/steps: unknown option (fgsm-at accepts:',
  )
})
