/** The coordinator's side of a queue: an executor whose jobs other machines run. */
import { setMaxListeners } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Job as BullJob, Queue, QueueEvents } from 'bullmq'
import { RunError, toErrorRecord } from '../../base/errors.ts'
import { cachedModelPath, writeModelFile } from '../../model/model-files.ts'
import type { Executor, JobEvents, JobLimits, LocalContent } from '../execute/executor.ts'
import { isWorkerMessage } from '../execute/job.ts'
import type { Job, JobOutcome, JobValues } from '../execute/job.ts'
import { WorkerPool } from '../execute/pool.ts'
import { modelFolder } from '../plan/resolve.ts'
import { unitPointsFile } from '../store/adversarials.ts'
import type { ArtifactFolder } from './artifacts.ts'
import { BrokerFaults, isPassing, isRefusal, patienceMs, refusalError } from './broker-faults.ts'
import { keyPrefix, within } from './connection.ts'
import type { Broker } from './connection.ts'
import { asSigned, isQueueNotice, idOf, jobPurpose, readOutcome, sign } from './message.ts'
import { queueName, rememberDevice } from './queue-name.ts'
import { requireValue } from './outcome-value.ts'
import { RunContent } from './run-content.ts'

/** How to submit jobs. */
export interface CoordinatorOptions {
  readonly broker: Broker
  readonly device: string
  /** From 1, the first, to 10. */
  readonly priority: number
  /** Do not use outcomes that an earlier run has left in the queue. */
  readonly fresh: boolean
  readonly key: string | undefined
  /** Files that this machine received or made for others. */
  readonly artifacts: ArtifactFolder
  /** A directory that all machines share. */
  readonly shared: ArtifactFolder | undefined
  /** How long the broker may refuse commands, or be away, in ms; defaults to `patienceMs`. */
  readonly patienceMs?: number
  readonly notice?: (text: string) => void
}

type AnyOutcome = JobOutcome<JobValues[Job['kind']]>

/** A job that is in the queue. */
interface Pending {
  readonly job: Job
  readonly label: string
  /** What the queue holds; added again if the broker loses it. */
  readonly data: unknown
  /** Times that its outcome could not be used. */
  rejections: number
  /** Looks that found it finished, but without an outcome. */
  emptyLooks: number
  readonly events: JobEvents
  /** Called once. */
  settle(outcome: AnyOutcome): void
}

/** Jobs in the queue at the same time: enough for as many workers. */
const mostJobs = 2000

/** Attempts for a job that kills its process. */
export const mostAttempts = 3

/** Times that a job may lose its whole worker: machines are lost for other reasons than a job. */
export const mostLosses = 10

/** Outcomes of a job that are rejected before it fails: its workers may all be of another mind. */
const mostRejections = 5

/** How often every job is looked up, in case an event was lost, in ms. */
const lookMs = 3000

/** How long a look may take before the broker counts as away, in ms. */
const slowLookMs = 20_000

/** How long an orderly end may take, in ms. */
const closeMs = 3000

const daySeconds = 86_400

/** Runs jobs through a queue. Jobs that need a file of this machine run here. */
export class QueueExecutor implements Executor {
  readonly size = mostJobs
  readonly #options: CoordinatorOptions
  readonly #content: LocalContent
  readonly #run: RunContent
  readonly #queue: Queue
  readonly #events: QueueEvents
  readonly #pending = new Map<string, Pending>()
  readonly #collecting = new Set<string>()
  readonly #said = new Set<string>()
  readonly #ready: Promise<unknown>
  readonly #timer: NodeJS.Timeout
  readonly #faults: BrokerFaults
  readonly #ending = new AbortController()
  #pool: WorkerPool | undefined
  /** Why the connection was lost last. */
  #lost = new Error('the connection was lost')
  /** When the look in progress began. */
  #lookSince: number | undefined

  constructor(content: LocalContent, options: CoordinatorOptions) {
    const { broker, device, notice } = options
    const { bull, address } = broker
    this.#faults = new BrokerFaults(address.shown, options.patienceMs ?? patienceMs, notice)
    this.#options = options
    this.#content = content
    this.#run = new RunContent(content, options)
    const settings = { connection: address.options, prefix: keyPrefix }
    this.#queue = new bull.Queue(queueName(device), settings)
    this.#events = new bull.QueueEvents(queueName(device), settings)
    // Reconnection is automatic; `#look` finds what was missed.
    broker.client.on('error', (error: Error) => (this.#lost = error))
    this.#queue.on('error', () => {})
    this.#events.on('error', () => {})
    this.#events.on('completed', ({ jobId }) => void this.#collect(jobId))
    this.#events.on('failed', ({ jobId }) => void this.#collect(jobId))
    this.#events.on('stalled', ({ jobId }) => {
      this.#noteLoss(jobId)
      void this.#restore(jobId)
    })
    // A worker refused it, so no worker holds it now.
    this.#events.on('delayed', ({ jobId }) => void this.#restore(jobId))
    this.#events.on('progress', ({ jobId, data }) => this.#receive(jobId, data))
    // Events may be missed: `#look` finds what they tell.
    this.#ready = this.#events.waitUntilReady().catch(() => {})
    this.#timer = setInterval(() => this.#watch(), lookMs)
  }

  get failed(): AbortSignal {
    return this.#ending.signal
  }

  async submit<J extends Job>(
    job: J,
    limits: JobLimits,
    events: JobEvents = {},
  ): Promise<JobOutcome<JobValues[J['kind']]>> {
    if (job.kind === 'prepare' && (job.readsFile || job.cacheKey === undefined)) {
      this.#pool ??= new WorkerPool({ workers: 1, content: this.#content })
      return this.#pool.submit(job, limits, events)
    }
    try {
      // A unit returns the outcome of a unit, a preparation that of a model.
      return (await this.#enqueue(job, limits, events)) as JobOutcome<JobValues[J['kind']]>
    } catch (error) {
      return { state: 'failed', error: toErrorRecord(error) }
    }
  }

  /** Ends in a few seconds, whatever the broker does. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    const orderly = async (): Promise<void> => {
      if (this.#options.broker.client.status !== 'ready') throw new Error('the broker is away')
      await Promise.all([...this.#pending.keys()].map((id) => this.#withdraw(id)))
      await Promise.all([this.#events.close(), this.#queue.close()])
    }
    await within(closeMs, orderly()).catch(() => {
      for (const each of [this.#events, this.#queue]) void each.disconnect().catch(() => {})
    })
    await this.#pool?.close()
  }

  async #enqueue(job: Job, limits: JobLimits, events: JobEvents): Promise<AnyOutcome> {
    const queued = await this.#run.queuedJob(job, limits)
    const text = JSON.stringify(queued)
    const id = idOf(text)
    const data = sign(text, jobPurpose, this.#options.key)
    const { signal } = limits
    if (signal.aborted || this.failed.aborted) return aborted()
    // Every job in the queue listens.
    setMaxListeners(0, signal)
    return new Promise<AnyOutcome>((resolve) => {
      const abort = (): void => {
        settle(aborted())
        void this.#withdraw(id)
      }
      const settle = (outcome: AnyOutcome): void => {
        signal.removeEventListener('abort', abort)
        this.#pending.delete(id)
        resolve(outcome)
      }
      signal.addEventListener('abort', abort, { once: true })
      const label = queued.label
      this.#pending.set(id, { job, label, data, rejections: 0, emptyLooks: 0, events, settle })
      this.#add(id).catch((error: unknown) => {
        // After a fault that passes, the next look adds it again.
        if (isPassing(error) || isRefusal(error)) this.#meet(error)
        else settle({ state: 'failed', error: toErrorRecord(error) })
      })
    })
  }

  /** Puts a pending job into the queue, or adopts it if it is there already. */
  async #add(id: string): Promise<void> {
    await this.#ready
    await rememberDevice(this.#options.broker, this.#options.device)
    const pending = this.#pending.get(id)
    if (!pending) return
    const { data, label } = pending
    const earlier = await this.#find(id)
    const state = earlier ? await earlier.getState() : 'unknown'
    const there = asSigned(earlier?.data)?.text
    const isOther = earlier !== undefined && there !== asSigned(data)?.text
    // An earlier run left it: a failure is tried again, an outcome is used unless `fresh`. robench
    // does not put another text under this id.
    const isLost = earlier !== undefined && state === 'unknown'
    const isOld = state === 'failed' || (state === 'completed' && this.#options.fresh)
    if (isOther || isLost || isOld) {
      await this.#queue.remove(id)
    } else if (state === 'completed') return this.#collect(id)
    else if (state !== 'unknown') return
    await this.#queue.add(label, data, {
      jobId: id,
      priority: this.#options.priority,
      attempts: mostAttempts,
      backoff: { type: 'exponential', delay: 500 },
      removeOnComplete: { age: daySeconds },
      removeOnFail: { age: 7 * daySeconds },
      stackTraceLimit: 0,
    })
  }

  /** Reads the outcome of a pending job, if it has one. Never rejects. */
  async #collect(id: string): Promise<void> {
    const pending = this.#pending.get(id)
    // An event and a look may both find the outcome.
    if (!pending || this.#collecting.has(id)) return
    this.#collecting.add(id)
    try {
      const found = await this.#find(id)
      if (found?.finishedOn === undefined) {
        // Retried in the meantime, or what the broker holds was changed.
        if (++pending.emptyLooks > 2) throw new Error('the broker does not hold it')
        return
      }
      const failure = found.failedReason
      const outcome = await (failure
        ? this.#failure(found, pending)
        : this.#outcome(found, id, pending.job))
      pending.settle(outcome)
      // Dead letters stay for `robench queue`.
      if (!failure) await this.#withdraw(id)
    } catch (error) {
      if (isPassing(error)) return this.#faults.report(error)
      // The outcome cannot be used: a wrong signature, or a file that nobody has any more.
      const { message } = toErrorRecord(error)
      if (++pending.rejections >= mostRejections) {
        const text = `${pending.label}: ${pending.rejections} outcomes were rejected: ${message}`
        pending.settle({
          state: 'failed',
          error: toErrorRecord(new RunError('ROBENCH_QUEUE', text)),
        })
        return
      }
      this.#say(`${pending.label}: its outcome is rejected and computed again: ${message}`)
      await this.#again(id)
    } finally {
      this.#collecting.delete(id)
    }
  }

  async #outcome(found: BullJob, id: string, job: Job): Promise<AnyOutcome> {
    const { key, artifacts, shared } = this.#options
    const { outcome, points, card } = readOutcome(found.returnvalue, id, key)
    requireValue(outcome, job)
    const folder = (sha256: string): ArtifactFolder => {
      if (artifacts.find(sha256)) return artifacts
      if (shared?.find(sha256)) return shared
      throw new RunError('ROBENCH_STORE', `the artifact ${sha256} did not arrive`)
    }
    if (job.kind === 'unit' && points !== undefined) {
      const path = unitPointsFile(this.#content.resultsFolder, job.unit.id)
      await folder(points).copyTo(points, path)
    }
    if (job.kind === 'prepare' && card && outcome.state === 'completed') {
      const path = folder(card.sha256).find(card.sha256)!
      const target = cachedModelPath(modelFolder(job.cacheKey ?? ''))
      await writeModelFile(target, new Uint8Array(await readFile(path)), card)
    }
    return outcome
  }

  #failure({ id = '', failedReason }: BullJob, { label }: Pending): AnyOutcome {
    try {
      const value: unknown = JSON.parse(failedReason)
      const { outcome } = readOutcome(value, id, this.#options.key)
      if (outcome.state === 'failed') return outcome
      throw new RunError('ROBENCH_QUEUE', 'it is no failure')
    } catch {
      // BullMQ's own reason: its worker was lost too often.
      const message = `${label}: its worker was lost more than ${mostLosses} times (${failedReason})`
      return { state: 'failed', error: toErrorRecord(new RunError('ROBENCH_WORKER', message)) }
    }
  }

  #noteLoss(id: string): void {
    const label = this.#pending.get(id)?.label
    if (label !== undefined)
      this.#options.notice?.(`${label}: its worker was lost; another runs it`)
  }

  #receive(id: string, message: unknown): void {
    const pending = this.#pending.get(id)
    if (!pending) return
    if (isWorkerMessage(message)) pending.events.message?.(message)
    else if (!isQueueNotice(message)) return
    else if (message.robench === 'died') pending.events.retry?.(message.attempt)
    else {
      const { worker, reason } = message
      this.#say(`worker ${worker} leaves ${pending.label} to others: ${reason}`)
    }
  }

  /** Looks up every pending job, unless the broker is away; gives up if it is away for long. */
  #watch(): void {
    const { overdue } = this.#faults
    if (overdue) return this.#giveUp(overdue)
    const { status } = this.#options.broker.client
    if (status !== 'ready') return this.#meet(this.#lost)
    if (this.#lookSince === undefined) void this.#look()
    else if (performance.now() - this.#lookSince > slowLookMs) {
      this.#faults.report(new Error('no answer'))
    }
  }

  /** Looks up every pending job: events are lost while the broker is away, and jobs may be, too. */
  async #look(): Promise<void> {
    this.#lookSince = performance.now()
    const looks = await Promise.allSettled(
      [...this.#pending.keys()].map(async (id) => {
        const state = await this.#queue.getJobState(id)
        if (state === 'completed' || state === 'failed') await this.#collect(id)
        else if (state === 'delayed') await this.#restore(id)
        else if (state === 'unknown' && this.#pending.has(id)) await this.#add(id)
      }),
    )
    this.#lookSince = undefined
    const failed = looks.find((look) => look.status === 'rejected')
    if (failed) this.#meet(failed.reason)
    else this.#faults.clear()
  }

  /** Waits after a fault of the broker, unless it cannot pass. */
  #meet(error: unknown): void {
    if (isRefusal(error) && !isPassing(error)) this.#giveUp(error)
    else this.#faults.report(error)
  }

  /** Ends the run: nothing can be run on this broker. */
  #giveUp(error: unknown): void {
    if (this.failed.aborted) return
    clearInterval(this.#timer)
    this.#ending.abort(refusalError(error, this.#options.broker.address.shown))
    for (const { settle } of this.#pending.values()) settle(aborted())
  }

  /** Puts back a job whose text was changed in the broker: no worker takes it. Never rejects. */
  async #restore(id: string): Promise<void> {
    const pending = this.#pending.get(id)
    if (!pending) return
    const found = await this.#find(id).catch(() => null)
    if (found === undefined) return
    const { text, hmac } = asSigned(found?.data) ?? {}
    const own = asSigned(pending.data)
    if (text !== own?.text || hmac !== own?.hmac) await this.#again(id)
  }

  async #again(id: string): Promise<void> {
    try {
      // Also where its hash is gone, or cannot be read.
      await this.#queue.remove(id)
      if (this.#pending.has(id)) await this.#add(id)
    } catch {
      // The next round looks again.
    }
  }

  /** Takes a job out of the queue, unless a worker runs it: its outcome waits for the next run. */
  async #withdraw(id: string): Promise<void> {
    await this.#queue.remove(id).catch(() => {})
  }

  async #find(id: string): Promise<BullJob | undefined> {
    return (await this.#queue.getJob(id)) as BullJob | undefined
  }

  #say(text: string): void {
    if (this.#said.has(text)) return
    this.#said.add(text)
    this.#options.notice?.(text)
  }
}

function aborted(): AnyOutcome {
  const error = toErrorRecord(new RunError('ROBENCH_ABORTED', 'the run was interrupted'))
  return { state: 'failed', error }
}
