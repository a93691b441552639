/** How a run is to be done, and what it tells while it goes. */
import type { ErrorRecord } from '../../base/errors.ts'
import type { TrainingProgress } from '../../plugin/contract.ts'
import type { ExpectedWork } from '../forecast/expected-passes.ts'
import type { PlanSummary } from '../forecast/plan-summary.ts'

/** How to run; nothing here changes an outcome, but for the device. */
export interface RunSettings {
  /** The folder that has one folder per suite. */
  readonly results: string
  readonly workers: number
  /** Threads per worker. */
  readonly threads: number
  /** `cpu`, `cuda`, `cuda:1`, `webgpu`, … */
  readonly device: string
  /** Forget what is finished. */
  readonly fresh?: boolean
  /** Keep adversarials as .npy files beside the results. */
  readonly saveAdversarial?: boolean
  /** The command line, for the result. */
  readonly command?: string
}

/** What a run tells while it goes. All optional. */
export interface RunListener {
  notice?(text: string): void
  /** @param expected what is to be expected, if it is known */
  planned?(plan: PlanSummary, expected?: ExpectedWork): void
  training?(defense: string, state: TrainingProgress): void
  /** The share in [0, 1] that is done, by passes; never less than it was. */
  progress?(share: number): void
  failed?(what: string, error: ErrorRecord): void
}
