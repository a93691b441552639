/** A worker of a queue, as on another machine. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { finished, mainScript, temporaryFolder } from './cli.ts'
import type { CliResult } from './cli.ts'

// Only signed jobs may name plugins by path, as the suites of the tests do.
process.env['ROBENCH_QUEUE_KEY'] ??= 'the key of the tests'

export interface WorkerProcess {
  readonly child: ChildProcess
  readonly ended: Promise<CliResult>
}

/** Starts a worker with a directory and a cache of its own. */
export function startWorker(
  { url }: { readonly url: string },
  environment: Record<string, string> = {},
  ...words: readonly string[]
): WorkerProcess {
  const folder = temporaryFolder()
  const all = ['worker', '--queue', url, '--workers', '1', '--heartbeat', '0.5', ...words]
  const child = spawn(process.execPath, [mainScript, ...all], {
    cwd: folder,
    env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache'), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, ended: finished(child) }
}
