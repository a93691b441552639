/** Runs the probes on a model. */
import { RobenchError } from '../../base/errors.ts'
import { searchQueries, usualSteps } from './probe-attacks.ts'
import { nameFinding, notApplicable } from './check.ts'
import type { Check, Finding } from './check.ts'
import { mostReadings } from './input-readings.ts'
import { furtherPasses } from './inputs-as-expected.ts'
import { neighborCount } from './random-neighbors.ts'
import { differencePasses } from './gradient-matches-differences.ts'
import { ProbeSession } from './probe-session.ts'
import { repetitions } from './outputs-repeat.ts'
import type { ProbeContext } from './probe-context.ts'
import type { Probe } from './probe.ts'
import { probes } from './probes.ts'
import { probedLosses } from './start-gradients.ts'

/** Incremented whenever the result of a probe may change. */
export const probesVersion = 5

/** Number of examples that the probes are designed for. */
export const probeSample = 64

/**
 * Returns a check for each probe, in the order of `probes`. Computations that several probes
 * need run once. The result does not depend on the batch size, as far as the model's outputs do
 * not. If the model gets no example right, or ε is 0, or the norm is L0, only the probes that
 * always apply run. Cost: see `probeCost`.
 * @throws the reason of the signal; RobenchError for a defect. Logits that are not finite throw
 * nothing: they fail the check.
 */
export async function runProbes(context: ProbeContext): Promise<Check[]> {
  const session = await ProbeSession.open(context)
  const reason = whyNotApplicable(session)
  const checks: Check[] = []
  for (const probe of probes) {
    context.signal.throwIfAborted()
    const finding =
      reason === undefined || probe.always ? await measure(probe, session) : notApplicable(reason)
    checks.push(nameFinding(probe, finding))
    context.progress?.(checks.length, probes.length)
  }
  return checks
}

/**
 * Passes for an example that stays robust: an upper bound, because a broken example stops at once.
 * There are six ascents of the usual length, of which the one on the margin takes twice the steps,
 * and two ascents of one step; each has one more pass at its end. The ascent along surrogate
 * gradients is skipped if these equal the exact ones.
 */
export const probeCost = {
  // clean, first gradient, start gradients, differences, surrogate, ascents, neighbors, repeats,
  // search, other readings of the inputs, those on further examples
  forward:
    2 +
    probedLosses.length +
    differencePasses +
    2 +
    (7 * usualSteps + 2 + 8) +
    3 * neighborCount +
    repetitions +
    searchQueries +
    mostReadings +
    furtherPasses / probeSample,
  backward: 1 + probedLosses.length + 1 + 2 + (7 * usualSteps + 2),
} as const

/** The reason why no probe applies, if there is one. */
function whyNotApplicable({ count, context, threatModel }: ProbeSession): string | undefined {
  if (threatModel.epsilon === 0) return 'with ε = 0 there is no ball to move in'
  if (threatModel.norm === 'L0') return 'the probes search balls in Linf, L2, and L1 only'
  return count === 0 ? `the model gets none of ${context.labels.length} examples right` : undefined
}

/** Logits that are not finite fail the probe that encounters them. */
async function measure(probe: Probe, session: ProbeSession): Promise<Finding> {
  try {
    return await probe.measure(session)
  } catch (error) {
    if (!(error instanceof RobenchError) || error.code !== 'ROBENCH_MODEL_OUTPUT') throw error
    return { verdict: 'fail', value: null, threshold: null, evidence: error.message }
  }
}
