/** Check: a search that sees only logits breaks no example that gradients do not. */
import { brokenByGradients, brokenBySearch, searchQueries } from './probe-attacks.ts'
import { notApplicable } from './check.ts'
import { compareBroken } from './compare-broken.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.02

/** Fourth check of AutoAttack (`checks.py`), per example. */
export const searchWeaker = defineProbe({
  id: 'search-weaker',
  title: 'Random search is weaker than gradients',
  kind: 'probe',
  raisedIf:
    `${searchQueries} queries of the Square attack break more than ${100 * threshold} % of the ` +
    'examples that no gradient ascent breaks',
  meaning:
    'An attack with full knowledge of the model does worse than one that sees only its logits. ' +
    'The gradients are masked, and the accuracy under gradient attacks is too high by at least ' +
    'this fraction.',
  whatToDo:
    'Add `square` with 5,000 queries to the suite, and `bpda` or `eot` for the component that ' +
    'masks the gradient.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const search = await brokenBySearch(session)
    const gradients = await brokenByGradients(session)
    return compareBroken(
      { flags: search, subject: 'random search breaks', short: 'the search' },
      { flags: gradients, subject: 'gradients' },
      threshold,
    )
  },
})
