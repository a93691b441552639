/** How a suite is run, and what a run reports. */
import { availableParallelism } from 'node:os'
import { ConfigError } from '../../base/errors.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import { optionLimits } from '../../base/option-limits.ts'
import { shown } from '../../base/schema.ts'
import { usesProcessor } from '../../engine/graph/session-device.ts'
import { refuseUnknownKeys } from '../../base/unknown-keys.ts'
import { chooseDevice } from '../../machine/choose-device.ts'
import type { TrainingProgress } from '../../plugin/contract.ts'
import type { ExpectedWork } from '../forecast/expected-passes.ts'
import type { PlanSummary } from '../forecast/plan-summary.ts'
import type { RunStatus } from '../forecast/run-progress.ts'
import type { RunResult } from '../result/result.ts'
import type { OpenExecutor } from './executor.ts'

/** How to run a suite. Every field has a default, and only `device` can change an outcome. */
export interface RunOptions {
  /** Directory that holds one directory per suite; defaults to `results`. */
  readonly resultsFolder?: string
  /**
   * Worker processes; defaults to cores / threads on the CPU, to one per GPU with CUDA, else to 1.
   */
  readonly workers?: number
  /** Threads per worker; defaults to 1. */
  readonly threads?: number
  /**
   * `cpu` (default), `auto`, `cuda` (all GPUs), `cuda:1`, `webgpu`, …, or `tfjs` for the engine
   * TensorFlow.js.
   */
  readonly device?: string
  /** Ignore saved results and start over. */
  readonly fresh?: boolean
  /** Save adversarial examples beside the results: see `saveAdversarials`. */
  readonly saveAdversarial?: boolean
  /** The command line, for the result file. */
  readonly command?: string
  /** Runs the jobs; defaults to a pool of worker processes. */
  readonly executor?: OpenExecutor
  readonly listener?: RunListener
  /** Stops the run after the current batches; completed chunks stay saved. */
  readonly signal?: AbortSignal
}

/** A completed run. */
export interface SuiteRun {
  readonly result: RunResult
  /** Directory of the suite's results. */
  readonly folder: string
  /** Path of `result.json`. */
  readonly resultPath: string
  /** True if a cell or a defense failed. */
  readonly failed: boolean
}

/** Callbacks of a run, all optional. */
export interface RunListener {
  notice?(text: string): void
  /** @param expected absent while a model is still to be trained */
  planned?(plan: PlanSummary, expected?: ExpectedWork): void
  training?(defense: string, state: TrainingProgress): void
  /** Called before data or a model is loaded. @param what `data`, or the name of a defense */
  loading?(what: string): void
  /** @param share completed share of the passes, in [0, 1]; never decreases */
  progress?(share: number, status: RunStatus): void
  failed?(what: string, error: ErrorRecord): void
  /**
   * Called when the result is written and the results directory is unlocked, before the workers
   * are stopped. The run waits for it.
   */
  completed?(run: SuiteRun): void | Promise<void>
}

/** `RunOptions` with defaults filled in. */
export interface RunSettings {
  readonly resultsFolder: string
  readonly workers: number
  readonly threads: number
  readonly device: string
  /** Environment variables by worker process; a list that is shorter is repeated. */
  readonly environments: readonly Readonly<Record<string, string>>[]
  readonly fresh: boolean
  readonly saveAdversarial: boolean
  readonly command: string | undefined
  readonly executor: OpenExecutor | undefined
  readonly listener: RunListener
  readonly signal: AbortSignal
}

const runKeys = [
  'resultsFolder',
  'workers',
  'threads',
  'device',
  'fresh',
  'saveAdversarial',
  'command',
  'executor',
  'listener',
  'signal',
] as const satisfies readonly (keyof RunOptions)[]

/**
 * Fills in defaults.
 * @param where the function that was called, for messages
 * @param more further keys that it accepts
 * @throws ConfigError for an unknown key, a count that is not a positive integer, or a device that
 * does not work here
 */
export async function runSettings(
  options: RunOptions,
  where: string,
  more: readonly string[] = [],
): Promise<RunSettings> {
  refuseUnknownKeys(options, [...runKeys, ...more], where)
  const { threads = 1, workers = 1 } = options
  for (const [key, value] of Object.entries({ threads, workers })) {
    const most = optionLimits[key as 'threads' | 'workers']
    // The workers of an executor are on other machines.
    const isFew = value <= most || options.executor !== undefined
    if (Number.isSafeInteger(value) && value > 0 && isFew) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      Number.isSafeInteger(value) && value > most
        ? `${where}: ${key}: expected at most ${most}, got ${value}`
        : `${where}: ${key}: expected a positive integer, got ${shown(value)}`,
    )
  }
  const { device, environments, remark } = await chooseDevice(options.device ?? 'cpu')
  if (remark) options.listener?.notice?.(remark)
  const cores = Math.max(1, Math.floor(availableParallelism() / threads))
  const places = usesProcessor(device) ? cores : Math.max(1, environments.length)
  return {
    resultsFolder: options.resultsFolder ?? 'results',
    workers: options.workers ?? places,
    threads,
    device,
    environments,
    fresh: options.fresh ?? false,
    saveAdversarial: options.saveAdversarial ?? false,
    command: options.command,
    executor: options.executor,
    listener: options.listener ?? {},
    signal: options.signal ?? new AbortController().signal,
  }
}
