/** A process for third-party code: it is given messages, and killed when it misbehaves. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { tmpdir } from 'node:os'
import type { Duplex, Readable } from 'node:stream'
import { cutText } from './blame.ts'
import type { CodePlace } from './blame.ts'
import type { WatchdogReport } from './watchdog.ts'

/** What a process reports. */
export interface ProgramEvents {
  message(message: object): void
  /** Called once, if the process ends without `close`. @param reason such as `exit code 1` */
  death(reason: string): void
}

/** A running process. */
export interface Program {
  /** Ignored if the process has ended. */
  send(message: object): void
  /** Where its code is, from the innermost call on. The process cannot be used afterwards. */
  locate(): Promise<readonly CodePlace[]>
  /** Stops the process and waits until it is dead, but at most 10 s. Never rejects. */
  close(): Promise<void>
}

/** What to start. */
export interface ChildOptions extends ProgramEvents {
  /** Beside the variables of this process. */
  readonly environment?: Readonly<Record<string, string>>
  /** Names of its packages, for messages about its output. */
  readonly name: string
  /** The process is killed above this much memory. */
  readonly memoryBytes: number
}

/** The variable with the working directory that a process enters when its threads run. */
const folderVariable = 'ROBENCH_WORKING_FOLDER'

/** In the process: enters the working directory of its parent, if it is still there. */
export function enterWorkingFolder(): void {
  const folder = process.env[folderVariable]
  delete process.env[folderVariable]
  if (folder === undefined) return
  try {
    process.chdir(folder)
  } catch {
    // It was deleted.
  }
}

/** Bytes that third-party code may print in one process. */
const mostOutput = 65_536

/** Time for the output of a process that has ended to arrive, in ms. */
const drainMs = 1000

/** Time for a stopped process to die. One with much memory takes seconds. */
const deathMs = 10_000

/** Time for the answer where the code is, in ms. */
const locateMs = 3000

/** Processes that run: they must not outlive this one, even where they do not answer. */
const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * A running process. Its standard output goes to the standard error of this process, because the
 * standard output of this process is the result's.
 */
export class ChildProgram implements Program {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #isClosing = false
  #memory: number | undefined
  #located: ((stack: readonly CodePlace[]) => void) | undefined

  /** @param entry path of a built module */
  constructor(entry: string, options: ChildOptions) {
    const { environment, name, memoryBytes, message, death } = options
    const child = fork(entry, ['--watch', String(memoryBytes)], {
      // Node hangs if the working directory is deleted while it starts a thread.
      cwd: tmpdir(),
      env: { ...process.env, ...environment, [folderVariable]: workingFolder() },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    })
    this.#child = child
    running.add(child)
    child.on('exit', () => running.delete(child))
    forward([child.stdout!, child.stderr!], name)
    this.#listen(child.stdio[4] as Duplex)
    child.on('message', (sent: unknown) => {
      if (typeof sent === 'object' && sent !== null) message(sent)
    })
    // A process that cannot be started or written to also ends, or never began.
    let hasEnded = false
    const end = (reason: string): void => {
      if (hasEnded || this.#isClosing) return
      hasEnded = true
      death(reason)
    }
    child.on('error', (error) => end(String(error)))
    this.#exited = new Promise((resolve) => {
      // After `close`, the reports of the watchdog have been read, too. It does not come while
      // another process holds the pipes.
      let timer: NodeJS.Timeout | undefined
      const finish = (code: number | null, signal: string | null): void => {
        clearTimeout(timer)
        end(this.#reasonOf(code, signal))
        resolve()
      }
      child.on('close', finish)
      child.on('exit', (code, signal) => {
        timer = setTimeout(() => finish(code, signal), drainMs)
      })
      child.on('error', () => {
        if (child.pid === undefined) resolve()
      })
    })
  }

  send(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  async locate(): Promise<readonly CodePlace[]> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve([]), locateMs)
      this.#located = (stack) => {
        clearTimeout(timer)
        resolve(stack)
      }
      ;(this.#child.stdio[4] as Duplex).write('where\n')
    })
  }

  async close(): Promise<void> {
    this.#isClosing = true
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    // Code that is stopped for a fault may ignore every other signal.
    child.kill('SIGKILL')
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deathMs)
    })
    await Promise.race([this.#exited, late])
    clearTimeout(timer)
  }

  #listen(pipe: Duplex): void {
    let text = ''
    pipe.on('error', () => {})
    pipe.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) this.#report(line)
    })
  }

  #report(line: string): void {
    let report: WatchdogReport
    try {
      report = JSON.parse(line) as WatchdogReport
    } catch {
      // Third-party code can write to the pipe, too.
      return
    }
    if ('memory' in report) this.#memory = report.memory
    else if ('stack' in report) this.#located?.(report.stack)
  }

  #reasonOf(code: number | null, signal: string | null): string {
    if (this.#memory !== undefined) {
      return `it took ${(this.#memory / 2 ** 30).toFixed(1)} GiB of memory, more than its limit`
    }
    return signal === null ? `exit code ${code}` : `killed by ${signal}`
  }
}

/** The working directory; undefined where it was deleted. */
function workingFolder(): string | undefined {
  try {
    return process.cwd()
  } catch {
    return undefined
  }
}

/** Copies output to standard error, up to a limit. */
function forward(streams: readonly Readable[], packages: string): void {
  let left = mostOutput
  for (const stream of streams) {
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      if (left <= 0) return
      process.stderr.write(chunk.length > left ? chunk.subarray(0, left) : chunk)
      left -= chunk.length
      if (left > 0) return
      const name = cutText(packages, 200)
      process.stderr.write(`\nnote: further output of ${name} is not shown\n`)
    })
  }
}
