/** The attacks that probes compare, each made once for all of them. */
import type { AttackLossName } from '../../attack/attack-loss.ts'
import { squareSearch } from '../../../plugins/attacks/square/square-search.ts'
import type { AttackTask } from '../../attack/task.ts'
import { gatherRows, sizeOf } from '../../engine/tensor/tensor.ts'
import { brokenWithin, referencePgd } from './reference-pgd.ts'
import type { ReferencePgdTrace } from './reference-pgd.ts'
import type { ProbeSession } from './probe-session.ts'
import { inAny } from './flags.ts'
import { probedLosses } from './start-gradients.ts'

/** Gradient steps of the usual ascent, a tenth of ε each. */
export const usualSteps = 40
/** Queries of the random search. */
export const searchQueries = 200

/** The usual ascent on a loss: from a random start, and as far again for who wants to see whether it had arrived. */
export function usualReferencePgd(
  laboratory: ProbeSession,
  loss: AttackLossName,
): Promise<ReferencePgdTrace> {
  const { epsilon } = laboratory.threatModel
  const steps = loss === 'margin' ? 2 * usualSteps : usualSteps
  return referencePgd(laboratory, { loss, steps, stepFraction: 0.1, epsilon, start: 'random' })
}

/** One step of length ε from the input on the cross-entropy: FGSM. */
export function oneStep(laboratory: ProbeSession): Promise<ReferencePgdTrace> {
  const { epsilon } = laboratory.threatModel
  const loss = 'cross-entropy'
  return referencePgd(laboratory, { loss, steps: 1, stepFraction: 1, epsilon, start: 'input' })
}

/** What any of the usual ascents broke. */
export async function brokenByGradients(laboratory: ProbeSession): Promise<Uint8Array> {
  let broken: Uint8Array = new Uint8Array(laboratory.count)
  for (const loss of probedLosses) {
    broken = inAny(broken, brokenWithin(await usualReferencePgd(laboratory, loss)))
  }
  return broken
}

/** What the Square attack broke within `searchQueries`, from logits alone. */
export function brokenBySearch(laboratory: ProbeSession): Promise<Uint8Array> {
  return laboratory.once('search', async () => {
    const { fooled } = await squareSearch(asTask(laboratory, 'search'), {
      queries: searchQueries,
      restarts: 1,
      initialFraction: 0.8,
      rescaleSchedule: true,
    })
    return fooled
  })
}

/**
 * An ε from which any image can become any other's neighbour: half of the bounds' range in every component. In L2 and L1 that is √d and d
 * times as far.
 */
export function hugeEpsilon({ inputs, threatModel }: ProbeSession): number {
  const size = sizeOf(inputs.shape.slice(1))
  const [low, high] = threatModel.bounds
  const half = (high - low) / 2
  return { Linf: half, L2: half * Math.sqrt(size), L1: half * size }[threatModel.norm]
}

function asTask(laboratory: ProbeSession, name: string): AttackTask {
  const { model, inputs, labels, threatModel, context } = laboratory
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
    rng: { stream: (row) => laboratory.stream(row, name) },
    batchSize: context.batchSize,
    signal: context.signal,
    progress: () => {},
  }
}
