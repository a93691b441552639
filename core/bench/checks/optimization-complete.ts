/** Check: the gradient ascent has converged when it stops. */
import { sum } from '../../base/sum.ts'
import { usualReferencePgd, usualSteps } from './probe-attacks.ts'
import { significant } from '../../base/figures.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin } from './reference-pgd.ts'
import { countFlagged } from './flags.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.05
const lastSteps = 10

/**
 * Pintor et al. 2022 (arXiv:2106.09947, "incomplete optimization"); doubling the steps is from
 * Carlini et al. 2019, arXiv:1902.06705.
 */
export const optimizationComplete = defineProbe({
  id: 'optimization-complete',
  title: 'The attack converges',
  kind: 'probe',
  raisedIf:
    `in the last ${lastSteps} of ${usualSteps} steps on the margin the best value still gains ` +
    `more than ${threshold} of its total gain (mean over unbroken examples), or ${usualSteps} ` +
    `further steps break more than ${100 * threshold} % of the examples`,
  meaning:
    'More steps would break more examples. Attacks with a similar budget stop too early, and ' +
    'the accuracy under them is too high.',
  whatToDo:
    'Double the steps until the result no longer changes, try larger steps, or use `apgd-dlr`, ' +
    'which adapts its step size.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const { count } = session
    const found = await usualReferencePgd(session, 'margin')
    const before = countFlagged(brokenWithin(found, usualSteps))
    const later = countFlagged(brokenWithin(found)) - before
    const rises = found.best
      .filter((_, row) => found.fooledAt[row]! < 0 || found.fooledAt[row]! > usualSteps)
      .map(lateRise)
    const mean = sum(rises) / Math.max(1, rises.length)
    const raised = mean > threshold || later > threshold * count
    return {
      verdict: raised ? 'warn' : 'pass',
      value: mean,
      threshold,
      evidence:
        `the last ${lastSteps} of ${usualSteps} steps bring ${significant(100 * mean)} % of the ` +
        `total gain, and ${usualSteps} further steps break ${ofExamples(later, count)}`,
    }
  },
})

/** Fraction of the total gain that the last steps bring; 0 without any gain. */
function lateRise(best: readonly number[]): number {
  const rise = best[usualSteps]! - best[0]!
  return rise > 0 ? (best[usualSteps]! - best[usualSteps - lastSteps]!) / rise : 0
}
