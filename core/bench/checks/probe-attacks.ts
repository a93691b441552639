/** The attacks that probes compare. Each runs once for all probes. */
import type { AttackLossName } from '../../attack/attack-loss.ts'
import type { AttackTask } from '../../attack/task.ts'
import { gatherRows, sizeOf } from '../../engine/tensor/tensor.ts'
import { brokenWithin, referencePgd } from './reference-pgd.ts'
import type { ReferencePgdTrace } from './reference-pgd.ts'
import type { ProbeSession } from './probe-session.ts'
import { inAny } from './flags.ts'
import { probedLosses } from './start-gradients.ts'

/** Steps of the usual gradient ascent, each 0.1 ε long. */
export const usualSteps = 40
/** Queries of the Square search. */
export const searchQueries = 200

/**
 * The usual ascent on a loss, from a random start. On the margin it takes twice the steps, so that
 * a probe can tell whether it had converged.
 */
export function usualReferencePgd(
  session: ProbeSession,
  loss: AttackLossName,
): Promise<ReferencePgdTrace> {
  const { epsilon } = session.threatModel
  const steps = loss === 'margin' ? 2 * usualSteps : usualSteps
  return referencePgd(session, { loss, steps, stepFraction: 0.1, epsilon, start: 'random' })
}

/** One step of length ε from the input on the cross-entropy: FGSM. */
export function oneStep(session: ProbeSession): Promise<ReferencePgdTrace> {
  const { epsilon } = session.threatModel
  const loss = 'cross-entropy'
  return referencePgd(session, { loss, steps: 1, stepFraction: 1, epsilon, start: 'input' })
}

/** Which examples any of the usual ascents breaks. */
export async function brokenByGradients(session: ProbeSession): Promise<Uint8Array> {
  let broken: Uint8Array = new Uint8Array(session.count)
  for (const loss of probedLosses) {
    broken = inAny(broken, brokenWithin(await usualReferencePgd(session, loss)))
  }
  return broken
}

/** Options of the attack `square`, all stated: probes do not depend on its defaults. */
const searchOptions = {
  queries: searchQueries,
  restarts: 1,
  initialFraction: 0.8,
  rescaleSchedule: true,
} as const

/** Which examples the Square attack breaks within `searchQueries` queries. */
export function brokenBySearch(session: ProbeSession): Promise<Uint8Array> {
  return session.once('search', () =>
    session.context.searchAttack(asTask(session, 'search'), searchOptions),
  )
}

/**
 * An ε at which the balls of any two images meet: half of the range of the bounds in every
 * component, and so √d times as much in L2 and d times as much in L1; in L0, all components.
 */
export function hugeEpsilon({ inputs, threatModel }: ProbeSession): number {
  const size = sizeOf(inputs.shape.slice(1))
  const [low, high] = threatModel.bounds
  const half = (high - low) / 2
  return { Linf: half, L2: half * Math.sqrt(size), L1: half * size, L0: size }[threatModel.norm]
}

function asTask(session: ProbeSession, name: string): AttackTask {
  const { model, inputs, labels, threatModel, context } = session
  return {
    model,
    inputs,
    labels,
    threatModel,
    reference: {
      count: labels.length,
      select: (rows) => ({
        inputs: gatherRows(inputs, rows),
        labels: Int32Array.from(rows, (row) => labels[row]!),
      }),
    },
    rng: { stream: (row) => session.stream(row, name) },
    batchSize: context.batchSize,
    signal: context.signal,
    progress: () => {},
  }
}
