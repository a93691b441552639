/**
 * Worker processes by tinypool: one pool of one process per slot, so that a process that dies or hangs is
 * replaced alone, and its task tried again elsewhere.
 */
import { Tinypool } from 'tinypool'
import type { TinypoolChannel } from 'tinypool'
import { RunError, toErrorRecord } from '../../base/errors.ts'
import { isWorkerMessage } from './job.ts'
import type { AbortMessage, JobOutcome, JobValues, WorkerMessage, WorkerJob } from './job.ts'

export interface PoolOptions {
  /** How many processes at most. */
  readonly workers: number
  /** How often a task is tried whose worker dies; 3 if left out. */
  readonly maxAttempts?: number
}

export interface JobLimits {
  /** After this long at work the worker is killed. */
  readonly timeLimitMs: number
  /** How much longer a worker may take that stops its task by itself; 0 if left out. */
  readonly graceMs?: number
  /** Whom messages name: `attack "pgd"`. */
  readonly blame: string
  /** True if every message from the worker starts the clock anew: for training. */
  readonly restartOnProgress?: boolean
  readonly signal: AbortSignal
  onMessage?(message: WorkerMessage): void
  /** Called when a worker died and the task is tried again. */
  onRetry?(attempt: number): void
}

type Ending<T> =
  | { readonly kind: 'answered'; readonly outcome: JobOutcome<T> }
  | { readonly kind: 'died'; readonly reason: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' }

/** How long a worker may take to start and to load plugins, data and model. */
const setupMs = 600_000

/** How long an aborted worker may take to finish its batch before it is killed. */
const abortMs = 2000

/** One process, started when first needed. */
class Slot {
  #pool: Tinypool | undefined
  #onDeath: ((reason: string) => void) | undefined

  /** Runs one task to whatever end it comes to. Never rejects. */
  async attempt<T>(task: WorkerJob, limits: JobLimits): Promise<Ending<T>> {
    const pool = this.#ensure()
    const ending = await new Promise<Ending<T>>((settle) => {
      let send: ((message: AbortMessage) => void) | undefined
      let timer = setTimeout(expire, setupMs)
      function finish(end: Ending<T>): void {
        clearTimeout(timer)
        limits.signal.removeEventListener('abort', abort)
        settle(end)
      }
      function expire(): void {
        finish({ kind: 'timeout' })
      }
      function abort(): void {
        send?.({ robench: 'abort' })
        clearTimeout(timer)
        timer = setTimeout(() => finish({ kind: 'aborted' }), abortMs)
      }
      const channel: TinypoolChannel = {
        onMessage(callback: (message: AbortMessage) => void) {
          send = callback
        },
        postMessage(message: unknown) {
          if (!isWorkerMessage(message)) return
          const isRestart = message.robench === 'began' || limits.restartOnProgress
          if (isRestart && !limits.signal.aborted) {
            clearTimeout(timer)
            timer = setTimeout(expire, limits.timeLimitMs + (limits.graceMs ?? 0))
          }
          limits.onMessage?.(message)
        },
      }
      this.#onDeath = (reason) => finish({ kind: 'died', reason })
      limits.signal.addEventListener('abort', abort, { once: true })
      pool
        .run(task, { channel })
        .then((outcome: JobOutcome<T>) => finish({ kind: 'answered', outcome }))
        .catch((error: unknown) => finish({ kind: 'died', reason: String(error) }))
      if (limits.signal.aborted) abort()
    })
    this.#onDeath = undefined
    if (ending.kind !== 'answered') await this.close()
    return ending
  }

  async close(): Promise<void> {
    const pool = this.#pool
    this.#pool = undefined
    await pool?.destroy().catch(() => {})
  }

  #ensure(): Tinypool {
    if (this.#pool) return this.#pool
    const pool = new Tinypool({
      runtime: 'child_process',
      filename: new URL('../../run/worker.js', import.meta.url).href,
      minThreads: 1,
      maxThreads: 1,
      isolateWorkers: false,
      // Without this the child would get an empty environment.
      env: definedOnly(process.env),
    })
    // A process that dies before it has taken its task is reported here and nowhere else.
    pool.on('error', (error: unknown) => this.#onDeath?.(String(error)))
    this.#pool = pool
    return pool
  }
}

/** Runs tasks on a fixed number of processes. */
export class WorkerPool {
  readonly #idle: Slot[]
  readonly #all: readonly Slot[]
  readonly #waiting: ((slot: Slot) => void)[] = []
  readonly #maxAttempts: number

  constructor(options: PoolOptions) {
    this.#all = Array.from({ length: options.workers }, () => new Slot())
    this.#idle = this.#all.toReversed()
    this.#maxAttempts = options.maxAttempts ?? 3
  }

  /** How many tasks are worked on at once. */
  get size(): number {
    return this.#all.length
  }

  /** Does one task. Whatever goes wrong comes back as data: ROBENCH_WORKER, ROBENCH_TIMEOUT, ROBENCH_ABORTED or the plugin's own. */
  async run<T extends WorkerJob>(
    task: T,
    limits: JobLimits,
  ): Promise<JobOutcome<JobValues[T['kind']]>> {
    const slot = await this.#take()
    try {
      let reason = ''
      for (let attempt = 1; attempt <= this.#maxAttempts; attempt++) {
        if (limits.signal.aborted) return aborted()
        if (attempt > 1) limits.onRetry?.(attempt)
        const ending = await slot.attempt<JobValues[T['kind']]>(lighter(task, attempt), limits)
        if (ending.kind === 'answered') return ending.outcome
        if (ending.kind === 'aborted') return aborted()
        if (ending.kind === 'timeout') return timedOut(limits)
        reason = ending.reason
      }
      return failed(
        new RunError(
          'ROBENCH_WORKER',
          `${limits.blame}: the worker process died ${this.#maxAttempts} times (${reason}); ` +
            'if memory ran out, try a smaller --batch-size or fewer --workers',
        ),
      )
    } finally {
      this.#give(slot)
    }
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map((slot) => slot.close()))
  }

  #take(): Promise<Slot> {
    const slot = this.#idle.pop()
    return slot ? Promise.resolve(slot) : new Promise((resolve) => this.#waiting.push(resolve))
  }

  #give(slot: Slot): void {
    const next = this.#waiting.shift()
    if (next) next(slot)
    else this.#idle.push(slot)
  }
}

/** A worker may have died for want of memory: the next attempt takes half the batch, which changes no outcome. */
function lighter<T extends WorkerJob>(task: T, attempt: number): T {
  if (task.kind !== 'unit' || attempt === 1) return task
  return { ...task, batchSize: Math.max(1, task.batchSize >> (attempt - 1)) }
}

function timedOut(limits: JobLimits): JobOutcome<never> {
  const what = limits.restartOnProgress ? 'gave no sign for' : 'took longer than'
  return failed(
    new RunError(
      'ROBENCH_TIMEOUT',
      `${limits.blame} ${what} ${limits.timeLimitMs} ms and was stopped; ` +
        'raise "timeLimitMs" in the suite if it needs more',
    ),
  )
}

function aborted(): JobOutcome<never> {
  return failed(new RunError('ROBENCH_ABORTED', 'the run was interrupted'))
}

function failed(error: unknown): JobOutcome<never> {
  return { state: 'failed', error: toErrorRecord(error) }
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value]],
    ),
  )
}
