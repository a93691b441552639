/** A worker process of tinypool, for jobs that run built-in plugins only. */
import { Tinypool } from 'tinypool'
import type { TinypoolChannel } from 'tinypool'
import type { Program, ProgramEvents } from '../../plugin/child-program.ts'
import type { WorkerAnswer, WorkerTask } from './worker.ts'

/** Time for a stopped process to die. One with much memory takes seconds. */
const deathMs = 10_000

/** Pools with a running process: the process must not outlive this one. */
const running = new Set<Tinypool>()

process.on('exit', () => {
  for (const pool of running) {
    for (const { threadId } of pool.threads) kill(threadId)
  }
})

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/**
 * A pool of one process, so that a process that dies or hangs is replaced alone. tinypool copies
 * the output of its processes to this one's, so `worker.ts` keeps their standard output empty.
 */
export class PooledProgram implements Program {
  readonly #pool: Tinypool
  readonly #events: ProgramEvents
  #post: ((message: object) => void) | undefined
  #isClosing = false

  /**
   * @param entry path of a built module, whose default export runs a task
   * @param environment beside the variables of this process
   */
  constructor(entry: string, environment: Readonly<Record<string, string>>, events: ProgramEvents) {
    this.#events = events
    this.#pool = new Tinypool({
      runtime: 'child_process',
      filename: entry,
      minThreads: 1,
      maxThreads: 1,
      isolateWorkers: false,
      // Without this the process would get an empty environment.
      env: { ...definedOnly(process.env), ...environment },
    })
    running.add(this.#pool)
    // The death of a process before it takes its task is reported here and nowhere else.
    this.#pool.on('error', (error: unknown) => this.#end(error))
  }

  send(message: WorkerTask | object): void {
    if (!('job' in message)) {
      this.#post?.(message)
      return
    }
    const channel: TinypoolChannel = {
      onMessage: (post: (message: object) => void) => {
        this.#post = post
      },
      postMessage: (sent: unknown) => {
        if (typeof sent === 'object' && sent !== null) this.#events.message(sent)
      },
    }
    this.#pool
      .run(message, { channel })
      .then((outcome: WorkerAnswer['outcome']) => {
        const answer: WorkerAnswer = { robench: 'outcome', outcome }
        this.#events.message(answer)
      })
      .catch((error: unknown) => this.#end(error))
  }

  /** Built-in code has no place to blame. */
  locate(): Promise<readonly []> {
    return Promise.resolve([])
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await new Promise<void>((resolve) => {
      // tinypool unrefs the process: without the timer, this program could end before it does.
      const timer = setTimeout(resolve, deathMs)
      function finish(): void {
        clearTimeout(timer)
        resolve()
      }
      this.#pool.destroy().then(finish, finish)
    })
    running.delete(this.#pool)
  }

  #end(error: unknown): void {
    if (this.#isClosing) return
    this.#isClosing = true
    // tinypool would start another process; the slot starts its own.
    void this.#pool.destroy().catch(() => {})
    running.delete(this.#pool)
    this.#events.death(String(error))
  }
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  const defined = Object.entries(environment).filter(([, value]) => value !== undefined)
  return Object.fromEntries(defined) as Record<string, string>
}
