/** What a broker refuses: which refusals pass by themselves, how long to wait, and what to do. */
import { RobenchError, RunError } from '../../base/errors.ts'

/** Refusals that pass by themselves, or once the broker is mended, by first word: what to do. */
const passing: Readonly<Record<string, string>> = {
  OOM: 'it is out of memory: raise its maxmemory',
  READONLY: 'it is a replica: name the primary in --queue',
  NOAUTH: 'it requires a password: set ROBENCH_QUEUE_PASSWORD',
  MISCONF: 'it cannot save its data: see its log',
  NOREPLICAS: 'too few of its replicas are connected',
  LOADING: 'it is loading its data',
  BUSY: 'it is running a script: see its log',
  CLUSTERDOWN: 'its cluster is down',
  MASTERDOWN: 'it is a replica without its primary',
  TRYAGAIN: 'its cluster is moving keys',
  UNBLOCKED: 'it has become a replica',
  EXECABORT: 'see its log',
}

/** Refusals that stay. */
const lasting: Readonly<Record<string, string>> = {
  WRONGPASS: 'check the user in --queue and ROBENCH_QUEUE_PASSWORD',
  NOPERM: 'allow its user all commands and all keys',
  WRONGTYPE:
    'another program uses keys that begin with "robench:"; use another database, as in ' +
    '--queue redis://host:6379/1',
}

/** Errors of commands whose connection was lost. */
const lostConnection =
  /connection (?:is|was) closed|connection close|max number of clients|stream isn't writeable/i

/** Whether a thrown value is a reply of a broker that refuses a command. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Whether a command that failed so may succeed later: a passing refusal or a lost connection. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (isRefusal(error) && wordOf(error) in passing) || lostConnection.test(error.message)
}

/**
 * An error for a command that the broker refused, with what to do; others are returned as they are.
 * @param place the address of the broker without credentials
 */
export function refusalError(error: unknown, place: string): unknown {
  if (error instanceof RobenchError || (!isRefusal(error) && !isPassing(error))) return error
  return new RunError('ROBENCH_QUEUE', `${place}: ${reasonFor(error)}`, { cause: error })
}

function reasonFor(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  if (!isRefusal(error)) return `the broker is away: ${message}`
  // Redis names the script of BullMQ and its line.
  const said = message.replace(/\s*script: .*$/s, '').replace(/\.$/, '')
  const word = wordOf(error)
  const advice = passing[word] ?? lasting[word] ?? lasting['WRONGTYPE']!
  return `the broker refuses commands: ${said}; ${advice}`
}

/** The first known word; older versions of Redis put "ERR Error running script …" before it. */
function wordOf({ message }: Error): string {
  const words = message.match(/\b[A-Z]{3,}\b/g) ?? []
  return words.find((word) => word in passing || word in lasting) ?? ''
}

/** How long a broker may refuse commands, or be away, before a run gives up, in ms. */
export const patienceMs = 30 * 60_000

/** How often a broker that still refuses commands is mentioned, in ms. */
const reminderMs = 60_000

/** The state of a broker as a run sees it. */
export class BrokerFaults {
  readonly #place: string
  readonly #limitMs: number
  readonly #notice: ((text: string) => void) | undefined
  #since: number | undefined
  #last: unknown
  #noted = -Infinity

  constructor(place: string, limitMs: number, notice?: (text: string) => void) {
    this.#place = place
    this.#limitMs = limitMs
    this.#notice = notice
  }

  /** A command failed so, or the connection is lost. Says so, at most once a minute. */
  report(error: unknown): void {
    const now = performance.now()
    this.#since ??= now
    this.#last = error
    if (now - this.#noted < reminderMs) return
    this.#noted = now
    const minutes = Math.ceil(this.#limitMs / 60_000)
    this.#notice?.(`${this.#place}: ${reasonFor(error)}; waiting, for up to ${minutes} min`)
  }

  /** All commands succeed. */
  clear(): void {
    this.#since = undefined
  }

  /** The error to give up with; undefined while there is patience. */
  get overdue(): RunError | undefined {
    if (this.#since === undefined || performance.now() - this.#since <= this.#limitMs)
      return undefined
    const minutes = Math.round(this.#limitMs / 6000) / 10
    const text = `${this.#place}: ${reasonFor(this.#last)} (for ${minutes} min)`
    return new RunError(
      'ROBENCH_QUEUE',
      `${text}; completed work is saved, so run it again later`,
      {
        cause: this.#last,
      },
    )
  }
}
