/** How a suite is run, and what a run reports. */
import { availableParallelism } from 'node:os'
import type { ErrorRecord } from '../../base/errors.ts'
import type { TrainingProgress } from '../../plugin/contract.ts'
import type { ExpectedWork } from '../forecast/expected-passes.ts'
import type { PlanSummary } from '../forecast/plan-summary.ts'
import type { OpenExecutor } from './executor.ts'

/** How to run a suite. Every field has a default, and only `device` can change an outcome. */
export interface RunOptions {
  /** Directory that holds one directory per suite; defaults to `results`. */
  readonly resultsFolder?: string
  /** Worker processes; defaults to cores / threads on the CPU, else to 1. */
  readonly workers?: number
  /** Threads per worker; defaults to 1. */
  readonly threads?: number
  /** `cpu` (default), `cuda`, `cuda:1`, `webgpu`, … */
  readonly device?: string
  /** Ignore saved results and start over. */
  readonly fresh?: boolean
  /** Save adversarial examples as .npy files beside the results. */
  readonly saveAdversarial?: boolean
  /** The command line, for the result file. */
  readonly command?: string
  /** Runs the jobs; defaults to a pool of worker processes. */
  readonly executor?: OpenExecutor
  readonly listener?: RunListener
  /** Stops the run after the current batches; completed chunks stay saved. */
  readonly signal?: AbortSignal
}

/** Callbacks of a run, all optional. */
export interface RunListener {
  notice?(text: string): void
  /** @param expected absent if there is nothing to base a forecast on */
  planned?(plan: PlanSummary, expected?: ExpectedWork): void
  training?(defense: string, state: TrainingProgress): void
  /** @param share completed share of the passes, in [0, 1]; never decreases */
  progress?(share: number): void
  failed?(what: string, error: ErrorRecord): void
}

/** `RunOptions` with defaults filled in. */
export interface RunSettings {
  readonly resultsFolder: string
  readonly workers: number
  readonly threads: number
  readonly device: string
  readonly fresh: boolean
  readonly saveAdversarial: boolean
  readonly command: string | undefined
  readonly executor: OpenExecutor | undefined
  readonly listener: RunListener
  readonly signal: AbortSignal
}

/** Fills in defaults. */
export function runSettings(options: RunOptions): RunSettings {
  const { threads = 1, device = 'cpu' } = options
  const cores = device === 'cpu' ? availableParallelism() : 1
  return {
    resultsFolder: options.resultsFolder ?? 'results',
    workers: options.workers ?? Math.max(1, Math.floor(cores / threads)),
    threads,
    device,
    fresh: options.fresh ?? false,
    saveAdversarial: options.saveAdversarial ?? false,
    command: options.command,
    executor: options.executor,
    listener: options.listener ?? {},
    signal: options.signal ?? new AbortController().signal,
  }
}
