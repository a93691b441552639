/**
 * Worker processes by tinypool. Each slot has a pool of one process, so that a process that dies
 * or hangs is replaced alone, and its job is tried again.
 */
import { Tinypool } from 'tinypool'
import type { TinypoolChannel } from 'tinypool'
import { RunError, toErrorRecord } from '../../base/errors.ts'
import type { Executor, JobEvents, JobLimits, LocalContent } from './executor.ts'
import { isWorkerMessage } from './job.ts'
import type { AbortMessage, Job, JobOutcome, JobValues } from './job.ts'
import type { WorkerTask } from './worker.ts'

/** How to start a pool. */
export interface PoolOptions {
  /** Maximum number of processes. */
  readonly workers: number
  /** The content of all jobs, or of one. */
  readonly content: LocalContent | ((job: Job) => LocalContent)
  /** Environment variables by process; a list that is shorter is repeated. Default: none. */
  readonly environments?: readonly Readonly<Record<string, string>>[]
  /** Attempts for a job whose worker dies; defaults to 3. */
  readonly maxAttempts?: number
}

type Ending<T> =
  | { readonly kind: 'returned'; readonly outcome: JobOutcome<T> }
  | { readonly kind: 'died'; readonly reason: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' }

/** Time for a worker to start and to load plugins, data, and model. */
const setupMs = 600_000

/** Time for an aborted worker to finish its batch before it is killed. */
const abortMs = 2000

/** Time for a stopped process to die. One with much memory takes seconds. */
const deathMs = 10_000

/** One process, started when first needed. */
class Slot {
  readonly #environment: Readonly<Record<string, string>>
  #pool: Tinypool | undefined
  #onDeath: ((reason: string) => void) | undefined

  /** @param environment variables beside those of this process */
  constructor(environment: Readonly<Record<string, string>> = {}) {
    this.#environment = environment
  }

  /** Runs one job until it returns, dies, or is stopped. Never rejects. */
  async attempt<T>(task: WorkerTask, limits: JobLimits, events: JobEvents): Promise<Ending<T>> {
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
          events.message?.(message)
        },
      }
      this.#onDeath = (reason) => finish({ kind: 'died', reason })
      limits.signal.addEventListener('abort', abort, { once: true })
      pool
        .run(task, { channel })
        .then((outcome: JobOutcome<T>) => finish({ kind: 'returned', outcome }))
        .catch((error: unknown) => finish({ kind: 'died', reason: String(error) }))
      if (limits.signal.aborted) abort()
    })
    this.#onDeath = undefined
    if (ending.kind !== 'returned') await this.close()
    return ending
  }

  /** Stops the process and waits until it is dead, but at most `deathMs`. Never rejects. */
  async close(): Promise<void> {
    const pool = this.#pool
    this.#pool = undefined
    if (!pool) return
    await new Promise<void>((resolve) => {
      // tinypool unrefs the process: without the timer, this program could end before it does.
      const timer = setTimeout(resolve, deathMs)
      function finish(): void {
        clearTimeout(timer)
        resolve()
      }
      pool.destroy().then(finish, finish)
    })
  }

  #ensure(): Tinypool {
    if (this.#pool) return this.#pool
    const pool = new Tinypool({
      runtime: 'child_process',
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: 1,
      maxThreads: 1,
      isolateWorkers: false,
      // Without this the child would get an empty environment.
      env: { ...definedOnly(process.env), ...this.#environment },
    })
    // The death of a process before it takes its task is reported here and nowhere else.
    pool.on('error', (error: unknown) => this.#onDeath?.(String(error)))
    this.#pool = pool
    return pool
  }
}

/** Runs jobs on a fixed number of processes of this machine. */
export class WorkerPool implements Executor {
  readonly #idle: Slot[]
  readonly #all: readonly Slot[]
  readonly #waiting: ((slot: Slot) => void)[] = []
  readonly #maxAttempts: number
  readonly #contentOf: (job: Job) => LocalContent

  constructor(options: PoolOptions) {
    const { workers, environments = [] } = options
    this.#all = Array.from(
      { length: workers },
      (_, at) => new Slot(environments[at % environments.length]),
    )
    this.#idle = this.#all.toReversed()
    this.#maxAttempts = options.maxAttempts ?? 3
    const { content } = options
    this.#contentOf = typeof content === 'function' ? content : (): LocalContent => content
  }

  get size(): number {
    return this.#all.length
  }

  async submit<J extends Job>(
    job: J,
    limits: JobLimits,
    events: JobEvents = {},
  ): Promise<JobOutcome<JobValues[J['kind']]>> {
    const slot = await this.#take()
    try {
      let reason = ''
      for (let attempt = 1; attempt <= this.#maxAttempts; attempt++) {
        if (limits.signal.aborted) return aborted()
        if (attempt > 1) events.retry?.(attempt)
        const task = { job: withSmallerBatch(job, attempt), content: this.#contentOf(job) }
        const ending = await slot.attempt<JobValues[J['kind']]>(task, limits, events)
        if (ending.kind === 'returned') return ending.outcome
        if (ending.kind === 'aborted') return aborted()
        if (ending.kind === 'timeout') return timedOut(limits)
        reason = ending.reason
      }
      return failed(
        new RunError(
          'ROBENCH_WORKER',
          `${limits.label}: the worker process died ${this.#maxAttempts} times (${reason}); ` +
            'if it ran out of memory, try a smaller --batch-size or fewer --workers',
        ),
      )
    } finally {
      this.#give(slot)
    }
  }

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

/** Halves the batch with each attempt, in case memory ran out. That changes no outcome. */
function withSmallerBatch<J extends Job>(job: J, attempt: number): J {
  if (job.kind !== 'unit' || attempt === 1) return job
  return { ...job, batchSize: Math.max(1, job.batchSize >> (attempt - 1)) }
}

function timedOut(limits: JobLimits): JobOutcome<never> {
  const what = limits.restartOnProgress ? 'made no progress for' : 'took longer than'
  return failed(
    new RunError(
      'ROBENCH_TIMEOUT',
      `${limits.label} ${what} ${limits.timeLimitMs} ms and was stopped; ` +
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
