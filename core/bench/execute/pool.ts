/**
 * Worker processes of this machine. A process that dies or hangs is replaced alone, and its job is
 * tried again. Jobs of built-in plugins share processes of tinypool; a cell of a third-party plugin
 * has a watched process of its own.
 */
import { join } from 'node:path'
import { RunError, toErrorRecord } from '../../base/errors.ts'
import { startTimer } from '../../base/long-timer.ts'
import type { LongTimer } from '../../base/long-timer.ts'
import { packageRoot } from '../../base/paths.ts'
import { allocatorSettings } from '../../machine/allocator.ts'
import { placeAmong } from '../../plugin/blame.ts'
import { ChildProgram } from '../../plugin/child-program.ts'
import type { Program, ProgramEvents } from '../../plugin/child-program.ts'
import { foldersOfModule } from '../../plugin/module-file.ts'
import { defaultMemoryBytes, defaultStallMs } from '../../plugin/package-reader.ts'
import { cellId } from '../plan/cell.ts'
import type { Executor, JobEvents, JobLimits, LocalContent } from './executor.ts'
import { isWorkerMessage } from './job.ts'
import type { AbortMessage, Job, JobOutcome, JobValues } from './job.ts'
import { PooledProgram } from './pooled-program.ts'
import type { WorkerAnswer, WorkerTask } from './worker.ts'

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

type Ending =
  | { readonly kind: 'returned'; readonly outcome: JobOutcome<JobValues[Job['kind']]> }
  | { readonly kind: 'died'; readonly reason: string }
  | {
      readonly kind: 'timeout'
      readonly limitMs: number
      /** Whether the limit is one of time without progress. */
      readonly stalled: boolean
      /** Where third-party code was. */
      readonly place?: string
    }
  | { readonly kind: 'aborted' }

/** The key of processes that run built-in plugins only. */
const sharedKey = ''

/** Time for an aborted worker to finish its batch before it is killed. */
const abortMs = 2000

const abortMessage: AbortMessage = { robench: 'abort' }

/** The built file, which a new process can run. */
const entry = join(packageRoot(), 'dist', 'core', 'bench', 'execute', 'worker.js')

/** A job with what its process needs to know. */
interface SlotJob {
  readonly task: WorkerTask
  /** Jobs with the same key may share a process. */
  readonly key: string
  readonly limits: JobLimits
  readonly events: JobEvents
  /** Memory of a process with third-party code. */
  readonly memoryBytes: number
}

/** One process, started when first needed. */
class Slot {
  readonly #environment: Readonly<Record<string, string>>
  #program: Program | undefined
  #key = sharedKey
  #receive: ((message: object) => void) | undefined
  #onDeath: ((reason: string) => void) | undefined

  /** @param environment variables beside those of this process */
  constructor(environment: Readonly<Record<string, string>> = {}) {
    this.#environment = environment
  }

  /** The key of the running process; undefined if there is none. */
  get key(): string | undefined {
    return this.#program && this.#key
  }

  /** Runs one job until it returns, dies, or is stopped. Never rejects. */
  async attempt(job: SlotJob): Promise<Ending> {
    if (this.#program && this.#key !== job.key) await this.close()
    const program = this.#ensure(job)
    let ending = await this.#run(program, job)
    if (ending.kind === 'timeout') {
      const { plugins } = job.task.job.setting
      const locations = job.task.content.plugins.filter(({ name }) => plugins.includes(name))
      const folders = locations.flatMap(({ url }) => foldersOfModule(url))
      const place = placeAmong(await program.locate(), folders)
      if (place !== undefined) ending = { ...ending, place }
    }
    // Third-party code that has failed may have left anything behind.
    const isTainted =
      ending.kind === 'returned' && ending.outcome.state === 'failed' && job.key !== sharedKey
    if (ending.kind !== 'returned' || isTainted) await this.close()
    return ending
  }

  /** Stops the process and waits until it is dead, but at most 10 s. Never rejects. */
  async close(): Promise<void> {
    const program = this.#program
    this.#program = undefined
    await program?.close()
  }

  async #run(program: Program, { task, limits, events }: SlotJob): Promise<Ending> {
    const { signal, timeLimitMs, graceMs = 0, restartOnProgress } = limits
    const stallMs = limits.stallLimitMs ?? defaultStallMs
    const ending = await new Promise<Ending>((settle) => {
      const timers: { stall?: LongTimer; whole?: LongTimer } = {}
      const stop = (): void => {
        timers.stall?.stop()
        timers.whole?.stop()
      }
      const finish = (end: Ending): void => {
        stop()
        signal.removeEventListener('abort', abort)
        settle(end)
      }
      const restart = (timer: 'stall' | 'whole', ms: number, limitMs: number): void => {
        timers[timer]?.stop()
        const stalled = timer === 'stall' || restartOnProgress === true
        timers[timer] = startTimer(ms, () => finish({ kind: 'timeout', limitMs, stalled }))
      }
      function abort(): void {
        program.send(abortMessage)
        stop()
        timers.whole = startTimer(abortMs, () => finish({ kind: 'aborted' }))
      }
      this.#receive = (message) => {
        if (isAnswer(message)) finish({ kind: 'returned', outcome: message.outcome })
        if (!isWorkerMessage(message)) return
        if (!signal.aborted) {
          restart('stall', stallMs, stallMs)
          const isRestart = message.robench === 'began' || restartOnProgress
          if (isRestart) restart('whole', timeLimitMs + graceMs, timeLimitMs)
        }
        events.message?.(message)
      }
      this.#onDeath = (reason) => finish({ kind: 'died', reason })
      signal.addEventListener('abort', abort, { once: true })
      restart('stall', stallMs, stallMs)
      program.send(task)
      if (signal.aborted) abort()
    })
    this.#receive = undefined
    this.#onDeath = undefined
    return ending
  }

  #ensure({ key, task, memoryBytes }: SlotJob): Program {
    if (this.#program) return this.#program
    this.#key = key
    const environment = { ...allocatorSettings(), ...this.#environment }
    const events: ProgramEvents = {
      message: (message) => {
        if (this.#program === program) this.#receive?.(message)
      },
      death: (reason) => {
        if (this.#program !== program) return
        this.#program = undefined
        this.#onDeath?.(reason)
      },
    }
    const name = task.job.setting.plugins.join(', ')
    const program: Program =
      key === sharedKey
        ? new PooledProgram(entry, environment, events)
        : new ChildProgram(entry, { environment, name, memoryBytes, ...events })
    this.#program = program
    return program
  }
}

function isAnswer(message: object): message is WorkerAnswer {
  return Reflect.get(message, 'robench') === 'outcome'
}

/** Runs jobs on a fixed number of processes of this machine. */
export class WorkerPool implements Executor {
  readonly #idle: Slot[]
  readonly #all: readonly Slot[]
  readonly #waiting: { readonly key: string; readonly take: (slot: Slot) => void }[] = []
  readonly #maxAttempts: number
  readonly #contentOf: (job: Job) => LocalContent
  /** Models of third-party defenses, and searches: each has a process of its own. */
  #prepared = 0

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
    const key = this.#keyOf(job)
    const slot = await this.#take(key)
    const memoryBytes = limits.memoryBytes ?? defaultMemoryBytes(this.size)
    try {
      let reason = ''
      for (let attempt = 1; attempt <= this.#maxAttempts; attempt++) {
        if (limits.signal.aborted) return aborted()
        if (attempt > 1) events.retry?.(attempt)
        const task = {
          robench: 'job',
          job: withSmallerBatch(job, attempt),
          content: this.#contentOf(job),
        } as const
        const ending = await slot.attempt({ task, key, limits, events, memoryBytes })
        // A job's value is that of its kind.
        if (ending.kind === 'returned') return ending.outcome as JobOutcome<JobValues[J['kind']]>
        if (ending.kind === 'aborted') return aborted()
        if (ending.kind === 'timeout') return timedOut(job, limits, ending)
        reason = ending.reason
      }
      return failed(
        new RunError(
          'ROBENCH_WORKER',
          `${limits.label}${packageOf(job)}: the worker process died ${this.#maxAttempts} times ` +
            `(${reason}); if it ran out of memory, try a smaller --batch-size or fewer --workers`,
        ),
      )
    } finally {
      this.#give(slot)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((slot) => slot.close()))
  }

  /** Built-in plugins share processes; each cell of another plugin, and each model, has its own. */
  #keyOf(job: Job): string {
    if (job.setting.plugins.length === 0) return sharedKey
    if (job.kind === 'unit') return cellId(job.unit.cell)
    return `job ${this.#prepared++}`
  }

  #take(key: string): Promise<Slot> {
    const same = this.#idle.findIndex((slot) => slot.key === key)
    const [slot] = this.#idle.splice(same < 0 ? this.#idle.length - 1 : same, 1)
    if (slot) return Promise.resolve(slot)
    return new Promise((take) => this.#waiting.push({ key, take }))
  }

  #give(slot: Slot): void {
    const same = this.#waiting.findIndex(({ key }) => key === slot.key)
    const [next] = this.#waiting.splice(Math.max(0, same), 1)
    if (next) next.take(slot)
    else this.#idle.push(slot)
  }
}

/** Halves the batch with each attempt, in case memory ran out. That changes no outcome. */
function withSmallerBatch<J extends Job>(job: J, attempt: number): J {
  if (job.kind !== 'unit' || attempt === 1) return job
  return { ...job, batchSize: Math.max(1, job.batchSize >> (attempt - 1)) }
}

/** ` (package "acme")` for messages; empty for built-in plugins. */
function packageOf({ setting }: Job): string {
  if (setting.plugins.length === 0) return ''
  return ` (package ${setting.plugins.map((name) => `"${name}"`).join(', ')})`
}

function timedOut(
  job: Job,
  limits: JobLimits,
  { limitMs, stalled, place }: Ending & { readonly kind: 'timeout' },
): JobOutcome<never> {
  const what = stalled ? 'made no progress for' : 'took longer than'
  const key = limitMs === limits.timeLimitMs ? 'timeLimitMs' : 'stallLimitMs'
  const at = place === undefined ? '' : ` at ${place}`
  return failed(
    new RunError(
      'ROBENCH_TIMEOUT',
      `${limits.label}${packageOf(job)} ${what} ${limitMs} ms and was stopped${at}; ` +
        `raise "${key}" in the suite if it needs more`,
      { details: { ...(place !== undefined && { pluginPlace: place }) } },
    ),
  )
}

function aborted(): JobOutcome<never> {
  return failed(new RunError('ROBENCH_ABORTED', 'the run was interrupted'))
}

function failed(error: unknown): JobOutcome<never> {
  return { state: 'failed', error: toErrorRecord(error) }
}
