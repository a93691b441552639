/** Check: the model has a gradient that attacks can use. */
import { significant } from '../../base/figures.ts'
import { ofExamples } from './check.ts'
import { brokenByNoise } from './random-neighbors.ts'
import { countFlagged } from './flags.ts'
import { defineProbe } from './probe.ts'
import { zeroForAllLosses } from './start-gradients.ts'

const threshold = 0.1

/** First failure of Pintor et al. 2022, arXiv:2106.09947; here for all losses at once. */
export const gradientAvailable = defineProbe({
  id: 'gradient-available',
  title: 'A gradient is available',
  kind: 'probe',
  raisedIf:
    'the model cannot be differentiated, or the gradient of every loss is exactly zero for more ' +
    `than ${significant(100 * threshold)} % of the examples`,
  meaning:
    'Rounding, signs, steps, or lookups lie between the inputs and the logits. Gradient attacks ' +
    'cannot move, and the examples that they leave unbroken say nothing about robustness: the ' +
    'gradient is unavailable, the model is not robust.',
  whatToDo:
    'Do not rely on gradient attacks for this model. Use `bpda` through the component that has ' +
    'no derivative, and black-box attacks: `square` with 5,000 queries or more, ' +
    '`hop-skip-jump`, `transfer`.',
  async measure(session) {
    const { count } = session
    const reason = await session.noGradient()
    const random = countFlagged(await brokenByNoise(session))
    const noise = `random points of the ball break ${ofExamples(random, count)}`
    if (reason) {
      return {
        verdict: 'fail',
        value: 1,
        threshold,
        evidence: `gradient unavailable: ${reason.message}; ${noise}`,
      }
    }
    const zero = countFlagged(await zeroForAllLosses(session))
    const raised = zero > threshold * count
    const facts = `the gradient of every loss is zero for ${ofExamples(zero, count)}`
    return {
      verdict: raised ? 'fail' : 'pass',
      value: zero / count,
      threshold,
      evidence: raised ? `gradient unavailable: ${facts}; ${noise}` : facts,
    }
  },
})
