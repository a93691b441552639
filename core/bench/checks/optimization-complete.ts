/** Check: the gradient ascent has arrived when it stops. */
import { usualReferencePgd, usualSteps } from './probe-attacks.ts'
import { significant } from '../metrics/figures.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin } from './reference-pgd.ts'
import { countFlagged } from './flags.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.05
const lastSteps = 10

/** As in Pintor et al. 2022 (arXiv:2106.09947, "incomplete optimization"); doubling from Carlini et al. 2019, arXiv:1902.06705. */
export const optimizationComplete = defineProbe({
  id: 'optimization-complete',
  title: 'The optimization arrives',
  kind: 'probe',
  raisedIf: `over the last ${lastSteps} of ${usualSteps} steps on the margin the best value still rises by more than ${threshold} of its whole rise (mean over unbroken examples), or as many steps again break more than ${100 * threshold} % of the examples`,
  meaning:
    'More of the same would break more: attacks with a budget like this one stop on the way, and their accuracy is too high.',
  whatToDo:
    'Double the steps until nothing changes, try larger steps, or take `apgd-dlr`, which chooses its steps by itself.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const { count } = session
    const found = await usualReferencePgd(session, 'margin')
    const before = countFlagged(brokenWithin(found, usualSteps))
    const later = countFlagged(brokenWithin(found)) - before
    const rises = found.best
      .filter((_, row) => found.fooledAt[row]! < 0 || found.fooledAt[row]! > usualSteps)
      .map(lateRise)
    const mean = rises.reduce((sum, rise) => sum + rise, 0) / Math.max(1, rises.length)
    const raised = mean > threshold || later > threshold * count
    return {
      verdict: raised ? 'warn' : 'pass',
      value: mean,
      threshold,
      evidence: `the last ${lastSteps} of ${usualSteps} steps bring ${significant(100 * mean)} % of the rise, and ${usualSteps} more steps break ${ofExamples(later, count)} more`,
    }
  },
})

/** The part of the whole rise that the last steps brought: 0 where nothing rose. */
function lateRise(best: readonly number[]): number {
  const rise = best[usualSteps]! - best[0]!
  return rise > 0 ? (best[usualSteps]! - best[usualSteps - lastSteps]!) / rise : 0
}
