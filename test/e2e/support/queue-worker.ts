/** A broker, a suite, and workers as on other machines, for tests of the queue. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { startRedis } from '../../support/redis.ts'
import type { TestRedis } from '../../support/redis.ts'
import { finished, mainScript, temporaryFolder, writeJson } from './cli.ts'
import type { CliResult } from './cli.ts'
import { testSuite } from './suite.ts'
import type { TestAttack } from './suite.ts'
import { writeTinyProblem } from './tiny-problem.ts'

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

/** A broker that ends with the test. @param more arguments of redis-server */
export async function redisForTest(more: readonly string[] = []): Promise<TestRedis> {
  const redis = await startRedis(more)
  onTestFinished(() => redis.stop())
  return redis
}

/** A directory with the tiny problem and a suite. */
export function problem(
  attacks: readonly TestAttack[],
  more: Record<string, unknown> = {},
): string {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite(attacks, more))
  return folder
}
