/** Check: one large step breaks no example that many small ones do not. */
import { brokenByGradients, oneStep, usualSteps } from './probe-attacks.ts'
import { notApplicable } from './check.ts'
import { compareBroken } from './compare-broken.ts'
import { brokenWithin } from './reference-pgd.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.05

/** From the checklist of Carlini et al. 2019, arXiv:1902.06705. */
export const oneStepWeaker = defineProbe({
  id: 'one-step-weaker',
  title: 'One step is weaker than many',
  kind: 'probe',
  raisedIf:
    `one step of length ε along the gradient breaks more than ${100 * threshold} % of the ` +
    `examples that ${usualSteps} small steps leave unbroken`,
  meaning:
    'Small steps get stuck: the gradient is useful at a distance but not close to the input, as ' +
    'with rounding, fine steps, or training that made the local gradient point nowhere.',
  whatToDo:
    'Use larger steps and several restarts, average gradients (`eot`, `spsa`), and compare with ' +
    '`square`.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const one = brokenWithin(await oneStep(session))
    const many = await brokenByGradients(session)
    return compareBroken(
      { flags: one, subject: 'one step breaks', short: 'the one step' },
      { flags: many, subject: `${usualSteps} steps` },
      threshold,
    )
  },
})
