/** The worker's side of a queue: takes jobs, and runs them on the worker processes of this machine. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job as BullJob, Worker } from 'bullmq'
import { RobenchError, RunError, toErrorRecord } from '../../base/errors.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import { readCachedModel } from '../../model/model-files.ts'
import type { ModelFile } from '../../model/model-files.ts'
import type { LocalContent } from '../execute/executor.ts'
import type { Job, JobOutcome, JobValues, WorkerMessage } from '../execute/job.ts'
import { WorkerPool } from '../execute/pool.ts'
import { modelFolder } from '../plan/resolve.ts'
import { hashFile, unitPointsFile } from '../store/adversarials.ts'
import { offerArtifact } from './artifact-source.ts'
import type { ArtifactPlaces } from './artifact-source.ts'
import { ArtifactFolder } from './artifacts.ts'
import { keyPrefix } from './connection.ts'
import type { Broker } from './connection.ts'
import { mostAttempts, mostLosses } from './coordinator.ts'
import { MalformedMessage, outcomePurpose, readJob, sign } from './message.ts'
import type { QueuedJob, QueuedOutcome, QueueNotice, Signed } from './message.ts'
import { announce, listPresent, processName } from './presence.ts'
import type { Presence } from './presence.ts'
import { queueName, rememberDevice } from './queue-name.ts'
import type { QueueSecrets } from './secrets.ts'
import { workerContent } from './worker-content.ts'

/** How to work. */
export interface QueueWorkerOptions {
  readonly broker: Broker
  readonly secrets: QueueSecrets
  readonly device: string
  /** Worker processes, each with one job at a time. */
  readonly workers: number
  readonly threads: number
  /** Environment variables by process, as for `WorkerPool`. */
  readonly environments: readonly Readonly<Record<string, string>>[]
  /** Directory that all machines share. */
  readonly shared: ArtifactFolder | undefined
  /** How often a running job is confirmed. One that is not for twice as long goes to others. */
  readonly heartbeatMs: number
  /** Ends after this long without a job; default: never. */
  readonly idleMs?: number
  readonly notice?: (text: string) => void
  /** Drain: take no more jobs, and finish those that run. */
  readonly drain: AbortSignal
  /** Stop: give the running jobs back to the queue. */
  readonly stop: AbortSignal
}

type AnyOutcome = JobOutcome<JobValues[Job['kind']]>

/** Least time between two messages of progress of one job, in ms. */
const progressMs = 1000

/** Delay of a refused job, before anybody takes it again: doubled with each refusal. */
const refusedMs = { least: 250, most: 30_000 }

/** What a worker did. */
export interface WorkerTotals {
  readonly completed: number
  readonly refused: number
}

/** Works until `drain` or `stop` is aborted, or it was idle for long enough. */
export async function runQueueWorker(options: QueueWorkerOptions): Promise<WorkerTotals> {
  const scratch = await mkdtemp(join(tmpdir(), 'robench-worker-'))
  const worker = new QueueWorker(options, scratch)
  try {
    return await worker.run()
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

class QueueWorker {
  readonly #options: QueueWorkerOptions
  readonly #scratch: string
  readonly #name = processName()
  readonly #pool: WorkerPool
  readonly #contents = new WeakMap<Job, LocalContent>()
  readonly #places: ArtifactPlaces
  readonly #started = performance.now()
  readonly #refused = new Map<string, number>()
  #completed = 0
  #running = 0
  #lastJob = performance.now()

  constructor(options: QueueWorkerOptions, scratch: string) {
    this.#options = options
    this.#scratch = scratch
    const { broker, secrets, shared, workers, environments } = options
    this.#pool = new WorkerPool({
      workers,
      environments,
      // The queue tries again, on any machine.
      maxAttempts: 1,
      content: (job) => this.#contents.get(job)!,
    })
    this.#places = {
      cache: new ArtifactFolder(),
      shared,
      token: secrets.token,
      urls: async () =>
        (await listPresent(broker, secrets.token)).flatMap((one) =>
          one.kind === 'coordinator' && one.url !== undefined ? [one.url] : [],
        ),
    }
  }

  async run(): Promise<WorkerTotals> {
    const { broker, device, workers, heartbeatMs, secrets } = this.#options
    await rememberDevice(broker, device)
    const leave = await announce(broker, () => this.#presence(), secrets.token)
    const worker = new broker.bull.Worker<Signed, Signed>(
      queueName(device),
      (job, token) => this.#process(job, token),
      {
        connection: broker.address.options,
        prefix: keyPrefix,
        name: this.#name,
        concurrency: workers,
        lockDuration: 2 * heartbeatMs,
        lockRenewTime: heartbeatMs,
        stalledInterval: heartbeatMs,
        // After that, a job whose workers are lost is a dead letter, too.
        maxStalledCount: mostLosses,
        drainDelay: 1,
      },
    )
    // A lost connection is restored; a lost job was given to another worker.
    worker.on('error', () => {})
    try {
      await this.#untilEnd(worker)
    } finally {
      await leave().catch(() => {})
      await this.#pool.close()
    }
    const refused = [...this.#refused.values()].reduce((sum, times) => sum + times, 0)
    return { completed: this.#completed, refused }
  }

  /** Waits for the end, then for the running jobs. */
  async #untilEnd(worker: Worker): Promise<void> {
    const { drain, stop, idleMs } = this.#options
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      for (const signal of [drain, stop]) {
        if (signal.aborted) resolve()
        signal.addEventListener('abort', () => resolve(), { once: true })
      }
      timer = setInterval(() => {
        const isIdle =
          this.#running === 0 && performance.now() - this.#lastJob >= (idleMs ?? Infinity)
        if (isIdle) resolve()
      }, 100)
    })
    clearInterval(timer)
    // Waits for the running jobs, which `stop` ends early.
    await worker.close()
  }

  #presence(): Presence {
    const { device, workers } = this.#options
    return {
      kind: 'worker',
      name: this.#name,
      device,
      slots: workers,
      upMs: Math.round(performance.now() - this.#started),
      completed: this.#completed,
      refused: Object.fromEntries(this.#refused),
    }
  }

  /** Runs one job. Throws BullMQ's errors to delay it, to try it again, or to make it a dead letter. */
  async #process(bullJob: BullJob<Signed, Signed>, token: string | undefined): Promise<Signed> {
    const { secrets, stop } = this.#options
    this.#running++
    let result: { readonly queued: QueuedJob; readonly job: Job } | undefined
    try {
      const queued = readJob(bullJob.data, secrets.key, bullJob.id ?? '')
      result = { queued, job: await this.#prepare(queued) }
    } catch (error) {
      this.#end()
      const record = toErrorRecord(error)
      if (isUnusable(error)) return this.#fail(bullJob, token, { ...record, code: 'ROBENCH_QUEUE' })
      return this.#refuse(bullJob, token, record.message)
    }
    const { queued, job } = result
    try {
      const outcome = await this.#compute(bullJob, queued, job)
      if (outcome.state === 'failed') {
        return await this.#fail(bullJob, token, outcome.error)
      }
      const signed = await this.#complete(bullJob, job, outcome)
      this.#completed++
      return signed
    } catch (error) {
      const { code, message } = toErrorRecord(error)
      // Whatever this machine lacks, such as disk space, another may have.
      if (code === 'ROBENCH_STORE' && !stop.aborted) return this.#refuse(bullJob, token, message)
      throw error
    } finally {
      this.#end()
    }
  }

  #end(): void {
    this.#running--
    this.#lastJob = performance.now()
  }

  /** Gets the content of a job. @throws RobenchError with the reason for which it cannot run here */
  async #prepare(queued: QueuedJob): Promise<Job> {
    const { device, threads, secrets } = this.#options
    const isSigned = secrets.key !== undefined
    const { setting } = queued.job
    const job = { ...queued.job, setting: { ...setting, device, threads } } as Job
    this.#contents.set(job, await workerContent(queued, this.#places, this.#scratch, isSigned))
    return job
  }

  async #compute(
    bullJob: BullJob<Signed, Signed>,
    { limits }: QueuedJob,
    job: Job,
  ): Promise<AnyOutcome> {
    if (job.kind === 'prepare' && (await trainedModel(job.cacheKey))) {
      return { state: 'completed', value: { cacheKey: job.cacheKey! } }
    }
    let last = -Infinity
    const message = (sent: WorkerMessage): void => {
      if (sent.robench === 'began' || performance.now() - last < progressMs) return
      last = performance.now()
      bullJob.updateProgress(sent).catch(() => {})
    }
    const halved = Math.max(0, bullJob.attemptsMade)
    const smaller =
      job.kind === 'unit' && halved > 0
        ? { ...job, batchSize: Math.max(1, job.batchSize >> halved) }
        : job
    this.#contents.set(smaller, this.#contents.get(job)!)
    return this.#pool.submit(smaller, { ...limits, signal: this.#options.stop }, { message })
  }

  async #complete(
    bullJob: BullJob<Signed, Signed>,
    job: Job,
    outcome: AnyOutcome,
  ): Promise<Signed> {
    let made: Pick<QueuedOutcome, 'points' | 'card'> = {}
    if (job.kind === 'unit' && job.saveAdversarial) {
      const path = unitPointsFile(this.#scratch, job.unit.id)
      const points = await hashFile(path)
      await offerArtifact(path, points, this.#places)
      await rm(path, { force: true })
      made = { points }
    }
    if (job.kind === 'prepare') {
      const model = await trainedModel(job.cacheKey)
      if (!model) throw new RunError('ROBENCH_STORE', 'the trained model cannot be read')
      await offerArtifact(model.path, model.card.sha256, this.#places)
      made = { card: model.card }
    }
    return this.#signed(bullJob, { outcome, ...made })
  }

  /** Tries again what killed its process, gives back what was stopped; the rest is a dead letter. */
  async #fail(
    bullJob: BullJob<Signed, Signed>,
    token: string | undefined,
    error: ErrorRecord,
  ): Promise<never> {
    const { bull } = this.#options.broker
    if (error.code === 'ROBENCH_ABORTED') {
      await bullJob.moveToWait(token)
      throw new bull.WaitingError()
    }
    if (error.code === 'ROBENCH_STORE') return this.#refuse(bullJob, token, error.message)
    const text = JSON.stringify(this.#signed(bullJob, { outcome: { state: 'failed', error } }))
    if (error.code !== 'ROBENCH_WORKER') throw new bull.UnrecoverableError(text)
    const attempt = bullJob.attemptsMade + 1
    this.#options.notice?.(`${bullJob.name}: its process died, attempt ${attempt}`)
    if (attempt < mostAttempts) await this.#tell(bullJob, { robench: 'died', attempt: attempt + 1 })
    throw new Error(text)
  }

  /** Leaves a job to other workers. */
  async #refuse(
    bullJob: BullJob<Signed, Signed>,
    token: string | undefined,
    reason: string,
  ): Promise<never> {
    if (!this.#refused.has(reason)) {
      this.#options.notice?.(`left to others: ${bullJob.name}: ${reason}`)
    }
    const times = (this.#refused.get(reason) ?? 0) + 1
    this.#refused.set(reason, times)
    await this.#tell(bullJob, { robench: 'refused', worker: this.#name, reason })
    // This worker takes fewer jobs the more often it must refuse them.
    const most = Math.min(refusedMs.most, refusedMs.least * 2 ** Math.min(times, 7))
    await Promise.race([pause(most / 2), untilAborted(this.#options.drain, this.#options.stop)])
    await bullJob.moveToDelayed(new Date().getTime() + refusedMs.least, token)
    throw new this.#options.broker.bull.DelayedError()
  }

  async #tell(bullJob: BullJob<Signed, Signed>, notice: QueueNotice): Promise<void> {
    await bullJob.updateProgress(notice).catch(() => {})
  }

  #signed(
    bullJob: BullJob<Signed, Signed>,
    made: Pick<QueuedOutcome, 'outcome' | 'points' | 'card'>,
  ): Signed {
    const outcome: QueuedOutcome = { version: 1, worker: this.#name, ...made }
    const text = JSON.stringify(outcome)
    return sign(text, outcomePurpose(bullJob.id ?? ''), this.#options.secrets.key)
  }
}

/** Whether no worker could run the job: it would wait without end. */
function isUnusable(error: unknown): boolean {
  // An error of the system, such as a full disk, concerns this machine only.
  const isOfMachine = error instanceof RobenchError || (error instanceof Error && 'code' in error)
  return error instanceof MalformedMessage || !isOfMachine
}

async function trainedModel(cacheKey: string | undefined): Promise<ModelFile | undefined> {
  return cacheKey === undefined ? undefined : readCachedModel(modelFolder(cacheKey))
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function untilAborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    }
  })
}
