/** Check: gradients are finite. */
import { notApplicable, ofExamples } from './check.ts'
import { countFlagged, inAny } from './flags.ts'
import { defineProbe } from './probe.ts'
import { probedLosses, startGradients } from './start-gradients.ts'

/** NaN or infinite gradients stop gradient attacks. */
export const gradientFinite = defineProbe({
  id: 'gradient-finite',
  title: 'Gradients are finite',
  kind: 'probe',
  raisedIf:
    "at a random point of its ball some component of an example's gradient is NaN or infinite, " +
    'for any loss',
  meaning:
    'An operation in the backward pass overflows or divides by zero: a square root at zero, an ' +
    'exponential, logits beyond float32. Attacks of robench stop with an error there; other ' +
    'implementations may count the example as robust.',
  whatToDo:
    'Find the operator and guard it (√(x + 10⁻¹²) instead of √x), or attack without gradients.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    let found: Uint8Array = new Uint8Array(session.count)
    for (const loss of probedLosses) {
      found = inAny(found, (await startGradients(session, loss)).infinite)
    }
    const count = countFlagged(found)
    return {
      verdict: count > 0 ? 'fail' : 'pass',
      value: count / found.length,
      threshold: 0,
      evidence: `${ofExamples(count, found.length)} have a gradient that is not finite`,
    }
  },
})
