/** Check: a search that sees only logits breaks nothing that gradients do not. */
import { brokenByGradients, brokenBySearch, searchQueries } from './probe-attacks.ts'
import { notApplicable, ofExamples } from './check.ts'
import { countFlagged, onlyIn } from './flags.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.02

/** The fourth of AutoAttack's checks (`checks.py`), example by example. */
export const searchWeaker = defineProbe({
  id: 'search-weaker',
  title: 'Random search is weaker than gradients',
  kind: 'probe',
  raisedIf: `${searchQueries} queries of the Square attack break more than ${100 * threshold} % of the examples that no gradient ascent breaks`,
  meaning:
    'Whoever knows the whole model does worse than one who sees its logits only. The gradients are masked, and the accuracy under gradient attacks is too high by at least as much.',
  whatToDo:
    'Take `square` with 5,000 queries into the suite, and `bpda` or `eot` for the stage that masks the gradient.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const search = await brokenBySearch(session)
    const gradients = await brokenByGradients(session)
    const { count } = session
    const only = countFlagged(onlyIn(search, gradients))
    return {
      verdict: only > threshold * count ? 'fail' : 'pass',
      value: only / count,
      threshold,
      evidence: `random search breaks ${ofExamples(countFlagged(search), count)}, gradients ${countFlagged(gradients)}; ${only} only the search`,
    }
  },
})
