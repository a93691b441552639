/** Runs the probes on a model. */
import { RobenchError } from '../../base/errors.ts'
import { searchQueries, usualSteps } from './probe-attacks.ts'
import { nameFinding, notApplicable } from './check.ts'
import type { Check, Finding } from './check.ts'
import { neighborCount } from './random-neighbors.ts'
import { differencePasses } from './gradient-matches-differences.ts'
import { ProbeSession } from './probe-session.ts'
import { repetitions } from './outputs-repeat.ts'
import type { ProbeContext } from './probe-context.ts'
import type { Probe } from './probe.ts'
import { probes } from './probes.ts'
import { probedLosses } from './start-gradients.ts'

/** Raised by one whenever a probe's answer may change. */
export const probesVersion = 2

/** How many examples the probes are meant for. */
export const probeSample = 64

/**
 * A check for each probe, in the order of `probes`. What several probes need is measured once. The same for any batch size, as
 * far as the model's outputs are. Where the model gets no example right, or ε is 0, nothing can be measured.
 * Cost: see `probeCost`.
 * @throws whatever the signal was aborted with; RobenchError for a defect, but not for logits that are not finite: those fail the check
 */
export async function runProbes(context: ProbeContext): Promise<Check[]> {
  const session = await ProbeSession.open(context)
  const reason = whyNothing(session)
  const checks: Check[] = []
  for (const probe of probes) {
    context.signal.throwIfAborted()
    const finding = reason === undefined ? await measure(probe, session) : notApplicable(reason)
    checks.push(nameFinding(probe, finding))
    context.progress?.(checks.length, probes.length)
  }
  return checks
}

/**
 * Passes for an example that nothing fools; an upper bound, for what is fooled leaves at once. Six climbs of the usual length, of which the one
 * on the margin goes twice as far, and two of a step; each has one pass more at its end. Where the surrogate gradient is the exact one, its
 * climb is saved.
 */
export const probeCost = {
  // clean, trying the gradient, at the start, differences, surrogate, climbs, draws, repetitions, search
  forward:
    2 +
    probedLosses.length +
    differencePasses +
    2 +
    (7 * usualSteps + 2 + 8) +
    3 * neighborCount +
    repetitions +
    searchQueries,
  backward: 1 + probedLosses.length + 1 + 2 + (7 * usualSteps + 2),
} as const

/** Why nothing can be measured, if so. */
function whyNothing({ count, context, threatModel }: ProbeSession): string | undefined {
  if (threatModel.epsilon === 0) return 'with ε = 0 there is no ball to move in'
  return count === 0 ? `the model gets none of ${context.labels.length} examples right` : undefined
}

/** A model whose logits are not finite somewhere in the ball fails whatever looks there. */
async function measure(probe: Probe, session: ProbeSession): Promise<Finding> {
  try {
    return await probe.measure(session)
  } catch (error) {
    if (!(error instanceof RobenchError) || error.code !== 'ROBENCH_MODEL_OUTPUT') throw error
    return { verdict: 'fail', value: null, threshold: null, evidence: error.message }
  }
}
