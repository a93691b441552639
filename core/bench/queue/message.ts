/** What travels through the broker: signed texts, each a job or an outcome as JSON. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { RunError } from '../../base/errors.ts'
import { hashBytes } from '../../base/hash.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { compileSchema } from '../../base/schema.ts'
import type { ModelCard } from '../../model/model-files.ts'
import type { PackageIdentity } from '../../plugin/package-identity.ts'
import type { JobLimits } from '../execute/executor.ts'
import type { Job, JobOutcome, JobValues } from '../execute/job.ts'
import type { SoftwareIdentity } from '../plan/cell.ts'
import { jobSchema, outcomeSchema } from './message-schema.ts'

/** A text, and its HMAC if the sender has a key. */
export interface Signed {
  readonly text: string
  readonly hmac?: string
}

/** A job with all that a worker needs to decide whether it can run it. */
export interface QueuedJob {
  readonly version: 1
  /** What the job is about, for people: `attack "pgd"`. */
  readonly label: string
  readonly job: Job
  readonly limits: Pick<
    JobLimits,
    'timeLimitMs' | 'stallLimitMs' | 'graceMs' | 'restartOnProgress' | 'label'
  >
  readonly software: SoftwareIdentity
  readonly packages: readonly PackageIdentity[]
  /** sha256 of the packed data sets, see `packDataset`. */
  readonly data: { readonly test: string; readonly train?: string }
}

/** The outcome of a job, and the files that it made. */
export interface QueuedOutcome {
  readonly version: 1
  /** The worker that computed it. */
  readonly worker: string
  readonly outcome: JobOutcome<JobValues[Job['kind']]>
  /** sha256 of the file with the adversarial examples of a unit. */
  readonly points?: string
  /** Of a training: the card, which has the sha256 of the model. */
  readonly card?: ModelCard
}

/** Sent by a worker while a job is in the queue, beside the messages of its process. */
export type QueueNotice =
  | { readonly robench: 'refused'; readonly worker: string; readonly reason: string }
  | { readonly robench: 'died'; readonly attempt: number }

/** Whether a worker of a queue may have sent it: any client of the broker can. */
export function isQueueNotice(message: unknown): message is QueueNotice {
  if (typeof message !== 'object' || message === null) return false
  const { robench, worker, reason, attempt } = message as Readonly<Record<string, unknown>>
  return robench === 'refused'
    ? typeof worker === 'string' && typeof reason === 'string'
    : robench === 'died' && typeof attempt === 'number'
}

/** The identity of a job in the queue: equal jobs are computed once. */
export function idOf(text: string): string {
  return hashBytes(new TextEncoder().encode(text))
}

/** @param purpose what the text is, so that it cannot be used as something else */
export function sign(text: string, purpose: string, key: string | undefined): Signed {
  return { text, ...(key !== undefined && { hmac: hmacOf(text, purpose, key) }) }
}

/** Whether the text was signed with this key; true without a key. */
export function isGenuine(
  { text, hmac }: Signed,
  purpose: string,
  key: string | undefined,
): boolean {
  if (key === undefined) return true
  const expected = Buffer.from(hmacOf(text, purpose, key), 'hex')
  const given = Buffer.from(typeof hmac === 'string' ? hmac : '', 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function hmacOf(text: string, purpose: string, key: string): string {
  return createHmac('sha256', key).update(`${purpose}\n`).update(text).digest('hex')
}

/** A value from the broker as a signed text; undefined if it is not one. */
export function asSigned(value: unknown): Signed | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const text: unknown = Reflect.get(value, 'text')
  const hmac: unknown = Reflect.get(value, 'hmac')
  if (typeof text !== 'string') return undefined
  return { text, ...(typeof hmac === 'string' && { hmac }) }
}

/** Purpose of the signature of a job. */
export const jobPurpose = 'job'

/** Purpose of the signature of an outcome: that of one job is none of another. */
export function outcomePurpose(jobId: string): string {
  return `outcome ${jobId}`
}

/**
 * Reads a job.
 * @param jobId its id in the queue, which must be that of its text: a genuine text under another
 *   id would give its outcome to another job. Not checked if undefined
 * @throws RunError ROBENCH_QUEUE if it is not genuine, or of another version of robench
 */
export function readJob(value: unknown, key: string | undefined, jobId?: string): QueuedJob {
  const read = readSigned(value, jobPurpose, key)
  if (jobId !== undefined && idOf(asSigned(value)!.text) !== jobId) {
    throw new RunError('ROBENCH_QUEUE', `its text does not have the id ${jobId} of the job`)
  }
  return checked(jobSchema, read) as QueuedJob
}

/**
 * Reads the outcome of a job.
 * @throws RunError ROBENCH_QUEUE if it is not genuine, or of another version of robench
 */
export function readOutcome(value: unknown, jobId: string, key: string | undefined): QueuedOutcome {
  return checked(outcomeSchema, readSigned(value, outcomePurpose(jobId), key)) as QueuedOutcome
}

/** @throws RunError ROBENCH_QUEUE for a message of another form */
function checked(schema: Readonly<Record<string, unknown>>, message: object): object {
  const [problem] = compileSchema(schema)(message).problems
  if (!problem) return message
  throw new MalformedMessage(
    `it is not a message of robench: ${problem.pointer}: ${problem.message}`,
  )
}

/** A message that is genuine and of this version, but that no worker can use. */
export class MalformedMessage extends RunError {
  constructor(message: string) {
    super('ROBENCH_QUEUE', message)
  }
}

function readSigned(
  value: unknown,
  purpose: string,
  key: string | undefined,
): { readonly version: unknown } {
  const signed = asSigned(value)
  if (!signed || !isGenuine(signed, purpose, key)) {
    throw new RunError(
      'ROBENCH_QUEUE',
      signed ? 'its signature does not match ROBENCH_QUEUE_KEY' : 'it is not a message of robench',
    )
  }
  let parsed: unknown
  try {
    parsed = parseJsonText(signed.text, 'message')
  } catch (cause) {
    throw new RunError('ROBENCH_QUEUE', 'it is not a message of robench', { cause })
  }
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) {
    if (parsed.version === 1) return parsed
  }
  throw new RunError('ROBENCH_QUEUE', 'it is a message of another version of robench')
}
