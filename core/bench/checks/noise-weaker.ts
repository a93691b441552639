/** Check: random noise breaks nothing that gradients do not. */
import { brokenByGradients } from './probe-attacks.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenByNoise, neighborCount } from './random-neighbors.ts'
import { countFlagged, onlyIn } from './flags.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.02
/** Noise that breaks as many as gradients, and so many, is as strong. */
const many = 0.1

export const noiseWeaker = defineProbe({
  id: 'noise-weaker',
  title: 'Noise is weaker than gradients',
  kind: 'probe',
  raisedIf: `${2 * neighborCount} random points of the ball break more than ${100 * threshold} % of the examples that no gradient ascent breaks, or at least ${100 * many} % and as many as the ascents do, while those leave some`,
  meaning:
    'An attack that looks at the gradient does no better than one that looks at nothing: the gradient is missing, wrong, or masked.',
  whatToDo:
    'Do not report gradient attacks on this model. Look at the gradient checks for the reason, and attack with `square` and `bpda`.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const gradients = await brokenByGradients(session)
    const noise = await brokenByNoise(session)
    const { count } = session
    const [byNoise, byGradients] = [countFlagged(noise), countFlagged(gradients)]
    const only = countFlagged(onlyIn(noise, gradients))
    const asStrong = byNoise >= byGradients && byNoise >= many * count && byGradients < count
    return {
      verdict: only > threshold * count || asStrong ? 'fail' : 'pass',
      value: only / count,
      threshold,
      evidence: `random points break ${ofExamples(byNoise, count)}, gradients ${byGradients}; ${only} only noise`,
    }
  },
})
