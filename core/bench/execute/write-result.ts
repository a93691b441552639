/** Writes the result of a run from the units in its store. */
import { RobenchError } from '../../base/errors.ts'
import { checkResult } from '../result/read-result.ts'
import { joinAdversarials } from '../store/adversarials.ts'
import type { ResultStore } from '../store/store.ts'
import { assembleResult } from './assemble.ts'
import type { AssemblyInput } from './assemble.ts'
import type { SuiteRun } from './settings.ts'

/** What a result is assembled from, beside the store. */
export interface ResultRequest extends Omit<AssemblyInput, 'outcome' | 'evidence' | 'finishedAt'> {
  /** Join the saved adversarial examples of each evaluation. */
  readonly saveAdversarial: boolean
  /** Default: now. */
  readonly finishedAt?: string
}

/**
 * Assembles the result and writes `result.json`.
 * @param store unlocked before this returns
 * @throws RunError ROBENCH_STORE
 */
export async function writeResult(store: ResultStore, request: ResultRequest): Promise<SuiteRun> {
  const { saveAdversarial, ...input } = request
  const { plan, resolved, errors, failures } = input
  const { folder } = store
  const units = store.evidence(plan.units.map(({ id }) => id))
  const dataset = { id: resolved.dataset.id, sha256: resolved.dataset.hash }
  const adversarials = saveAdversarial
    ? await joinAdversarials(folder, plan, dataset, (id) => store.has(id))
    : undefined
  const result = assembleResult({
    ...input,
    outcome: (id) => store.outcome(id),
    finishedAt: input.finishedAt ?? new Date().toISOString(),
    evidence: { units, ...(adversarials !== undefined && { adversarials }) },
  })
  const text = `${JSON.stringify(result, undefined, 1)}\n`
  requireReadable(text)
  const resultPath = await store.writeFile('result.json', text)
  const failed = errors.size > 0 || failures.length > 0
  // Before the workers are stopped: a process with much memory takes long to die.
  await store.close()
  return { result, folder, resultPath, failed }
}

/** @throws RobenchError ROBENCH_INTERNAL if `readResult` would reject the text */
function requireReadable(text: string): void {
  try {
    checkResult(JSON.parse(text), 'result.json')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new RobenchError('ROBENCH_INTERNAL', `the result cannot be read again: ${reason}`, {
      cause,
    })
  }
}
