/** Check: one step is weaker than many, but not by far. */
import { brokenByGradients, oneStep, usualSteps } from './attacks.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin } from './climb.ts'
import { countMarked } from './marks.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.2
/** Of the examples: with fewer broken a ratio says nothing. */
const enough = 0.25

/** Kurakin, Goodfellow, Bengio 2017, arXiv:1611.01236, section 4 ("label leaking"). */
export const noLabelLeaking = defineProbe({
  id: 'no-label-leaking',
  title: 'One step is not far too weak',
  kind: 'probe',
  raisedIf: `one step of length ε from the input breaks less than ${threshold} of what ${usualSteps} small steps break, where those break at least ${100 * enough} % of the examples`,
  meaning:
    'The gradient right at the data misleads: training against one-step attacks teaches that (label leaking, "catastrophic overfitting"). One-step attacks report an accuracy that no other attack confirms.',
  whatToDo:
    'Report no `fgsm` for this model, and start iterative attacks at random points. If the defense was trained with one-step examples, train it with several steps.',
  async measure(laboratory) {
    if (await laboratory.noGradient()) return notApplicable('there is no gradient at all')
    const { count } = laboratory
    const one = countMarked(brokenWithin(await oneStep(laboratory)))
    const many = countMarked(await brokenByGradients(laboratory))
    if (many < enough * count) {
      return notApplicable(
        `${usualSteps} steps break ${ofExamples(many, count)}: too few to compare with`,
      )
    }
    return {
      verdict: one < threshold * many ? 'fail' : 'pass',
      value: one / many,
      threshold,
      evidence: `one step breaks ${ofExamples(one, count)}, ${usualSteps} steps ${many}`,
    }
  },
})
