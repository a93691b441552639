/** Check: random noise breaks no example that gradients do not. */
import { brokenByGradients } from './probe-attacks.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenByNoise, neighborCount } from './random-neighbors.ts'
import { countFlagged, onlyIn } from './flags.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.02
/** Fraction of examples that noise must break to count as strong as gradients. */
const many = 0.1

/** Gradients must give an attack an advantage over random noise. */
export const noiseWeaker = defineProbe({
  id: 'noise-weaker',
  title: 'Noise is weaker than gradients',
  kind: 'probe',
  raisedIf:
    `${2 * neighborCount} random points of the ball break more than ${100 * threshold} % of the ` +
    `examples that no gradient ascent breaks; or they break at least ${100 * many} % of the ` +
    'examples, and as many as the ascents do, while some examples stay unbroken',
  meaning:
    'Gradients give an attack no advantage over random noise: they are missing, wrong, or masked.',
  whatToDo:
    'Do not report gradient attacks on this model. Find the reason among the checks of ' +
    'gradients, and attack with `square` and `bpda`.',
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
      evidence:
        `random points break ${ofExamples(byNoise, count)}, gradients ${byGradients}; ${only} ` +
        'only by noise',
    }
  },
})
