/** Runs on a queue through faults: the result is that of the local pool, example by example. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { randomStream } from '../../core/base/random.ts'
import type { BrokerState } from '../../core/bench/queue/inspect.ts'
import { hasRedis } from '../support/redis.ts'
import type { TestRedis } from '../support/redis.ts'
import { problem, redisForTest, startWorker } from './support/queue-worker.ts'
import {
  finished,
  mainScript,
  robench,
  startRobench,
  temporaryFolder,
  writeJson,
} from './support/cli.ts'
import { contentOf, readOnlyResult } from './support/suite.ts'

async function status({ url }: TestRedis): Promise<BrokerState> {
  const { stdout } = await robench(temporaryFolder(), 'queue', 'status', '--queue', url, '--json')
  return JSON.parse(stdout) as BrokerState
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Many chunks that take a while: 3 clean, and 3 for each seed. */
const longAttack = { plugin: 'pgd', options: { steps: 300, restarts: 2 } }
const seeds = [1, 2, 3, 4, 5, 6]

test.skipIf(!hasRedis)(
  'workers killed at random, a slow one, and a broker that pauses, restarts, and forgets',
  async () => {
    const redis = await redisForTest()
    const folder = problem([longAttack], { seeds })
    const calm = problem([longAttack], { seeds })
    expect((await robench(calm, 'run', 'suite.json', '--workers', '2')).code).toBe(0)
    const run = startRobench(folder, 'run', 'suite.json', '--queue', redis.url)
    const ended = finished(run)
    const random = randomStream('chaos')
    const slow = startWorker(redis)
    let workers = [startWorker(redis), startWorker(redis)]
    let kills = 0
    for (let round = 0; run.exitCode === null; round++) {
      await pause(1500 + 1000 * random.uniform())
      slow.child.kill(round % 2 === 0 ? 'SIGSTOP' : 'SIGCONT')
      // Many rounds with kills: in between the survivors work.
      if (round < 12) {
        const victim = workers[random.integer(workers.length)]!
        victim.child.kill('SIGKILL')
        kills++
        workers = [...workers.filter((one) => one !== victim), startWorker(redis)]
      }
      if (round === 2) {
        redis.pause()
        await pause(2500)
        redis.resume()
      }
      if (round === 4) await redis.restart({ keepData: true })
      if (round === 7) await redis.restart({ keepData: false })
    }
    const { code, stderr } = await ended
    expect(stderr).not.toContain('failed: ')
    expect(code).toBe(0)
    expect(kills).toBeGreaterThan(0)
    expect(contentOf(readOnlyResult(folder))).toEqual(contentOf(readOnlyResult(calm)))
    expect(readOnlyResult(folder).evidence!.units.count).toBe(3 + 3 * seeds.length)
  },
)

test.skipIf(!hasRedis)(
  'a poison unit is a dead letter with its reason, and is retried',
  async () => {
    const redis = await redisForTest()
    const marker = join(temporaryFolder(), 'marker')
    const attacks = [{ plugin: 'fgsm' }, { plugin: 'test/dies' }, { plugin: 'test/throws' }]
    const folder = problem(attacks, { limit: 400 })
    startWorker(redis)
    startWorker(redis)
    const run = await robench(folder, 'run', 'suite.json', '--queue', redis.url)
    expect(run.code).toBe(1)
    expect(run.stderr).toContain('the worker died; attempt 2 with a smaller batch')
    const attempts = readOnlyResult(folder).entries[0]!.attacks
    expect(attempts.map((one) => (one.state === 'failed' ? one.error.code : one.state))).toEqual([
      'completed',
      'ROBENCH_WORKER',
      'ROBENCH_PLUGIN_FAILED',
    ])
    const { dead, queues } = await status(redis)
    expect(queues[0]).toMatchObject({ device: 'cpu', waiting: 0, active: 0, dead: 2 })
    expect(dead.map(({ what }) => what).toSorted()).toEqual([
      'attack "test/dies", examples 0 to 399',
      'attack "test/throws", examples 0 to 399',
    ])
    const poison = dead.find(({ what }) => what.includes('dies'))!
    expect(poison.attempts).toBe(3)
    expect(poison.reason).toContain('the worker process died 1 times')
    const words = ['queue', 'retry', '--queue', redis.url, poison.id]
    expect((await robench(folder, ...words)).stdout).toBe(
      '1 job back in the queue; the next run collects the outcomes\n',
    )
    const drained = await robench(folder, 'queue', 'drain', '--queue', redis.url)
    expect(drained.stdout).toMatch(/^\d jobs? removed\n$/)
    expect(existsSync(marker)).toBe(false)
  },
)

test.skipIf(!hasRedis)('workers that cannot run a job leave it to others, and say so', async () => {
  const redis = await redisForTest()
  const key = { ROBENCH_QUEUE_KEY: 'the key of this queue' }
  const folder = problem([{ plugin: 'test/noise' }], { plugins: ['./plugins'], limit: 600 })
  const fixtures = join(mainScript, '../../../test/e2e/fixtures/plugins')
  const { cpSync } = await import('node:fs')
  cpSync(fixtures, join(folder, 'plugins'), { recursive: true })
  const stranger = startWorker(redis, { ROBENCH_QUEUE_KEY: 'another key' })
  const without = startWorker(redis, key)
  const run = spawn(process.execPath, [mainScript, 'run', 'suite.json', '--queue', redis.url], {
    cwd: folder,
    env: { ...process.env, ...key, ROBENCH_CACHE: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void run.kill('SIGKILL'))
  let log = ''
  run.stderr.on('data', (text: Buffer) => (log += text.toString()))
  const ended = finished(run)
  while (!log.includes('is not installed here') || !log.includes('its signature does not match')) {
    await pause(100)
  }
  expect(log).toMatch(/worker \S+ leaves the model to others: plugin package "\.\/plugins" is not /)
  const able = spawn(
    process.execPath,
    [mainScript, 'worker', '--queue', redis.url, '--workers', '1', '--exit-when-idle', '600'],
    { cwd: folder, env: { ...process.env, ...key, ROBENCH_CACHE: join(folder, 'c') } },
  )
  onTestFinished(() => void able.kill('SIGKILL'))
  const { code, stderr, stdout } = await ended
  expect(code).toBe(0)
  for (const { child, ended: end } of [stranger, without]) {
    child.kill('SIGTERM')
    const said = await end
    expect(said.code).toBe(0)
    expect(said.stderr).toMatch(/0 jobs completed, \d+ left to others/)
    expect(said.stderr + stderr + stdout).not.toContain(key.ROBENCH_QUEUE_KEY)
  }
  expect(readFileSync(join(folder, 'suite.json'), 'utf8')).toContain('./plugins')
})

test.skipIf(!hasRedis)(
  'a drained worker finishes its job; a stopped one gives it back',
  async () => {
    const redis = await redisForTest()
    const folder = problem([longAttack], { limit: 500 })
    const first = startWorker(redis)
    const run = startRobench(folder, 'run', 'suite.json', '--queue', redis.url)
    const ended = finished(run)
    const isActive = async (): Promise<boolean> => (await status(redis)).queues[0]?.active === 1
    while (!(await isActive())) await pause(50)
    first.child.kill('SIGTERM')
    await pause(200)
    first.child.kill('SIGTERM')
    await first.ended
    const second = startWorker(redis, {}, '--exit-when-idle', '5')
    expect((await ended).code).toBe(0)
    const { code, stderr } = await second.ended
    expect(code).toBe(0)
    expect(stderr).toMatch(/[12] jobs? completed, 0 left to others/)
  },
)

test.skipIf(!hasRedis)('a defense is trained by a worker; the model comes back', async () => {
  const redis = await redisForTest()
  const folder = temporaryFolder()
  const network = { id: 'small-cnn', options: { width: 4, hidden: 8 } }
  writeJson(folder, 'suite.json', {
    id: 'train',
    title: 'Train',
    dataset: { id: 'quickstart' },
    limit: 50,
    checks: false,
    threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
    defenses: [{ name: 'small', plugin: 'standard', options: { network, epochs: 1 } }],
    attacks: [{ plugin: 'fgsm' }],
  })
  const worker = startWorker(redis)
  const run = await robench(folder, 'run', 'suite.json', '--queue', redis.url)
  expect(run.code).toBe(0)
  expect(readOnlyResult(folder).entries[0]!.defense.training).toBeDefined()
  worker.child.kill('SIGTERM')
  // The training, the clean predictions, and the attack.
  expect((await worker.ended).stderr).toContain('3 jobs completed, 0 left to others')
})

test('a broker that does not answer, and what a queue refuses', async () => {
  const folder = problem([{ plugin: 'fgsm' }])
  const words = ['run', 'suite.json', '--queue', 'redis://:secret@127.0.0.1:1']
  const { code, stderr } = await robench(folder, ...words)
  expect(stderr).toBe(
    'error: redis://127.0.0.1:1: the broker cannot be reached: connect ECONNREFUSED 127.0.0.1:1\n',
  )
  expect(code).toBe(2)
  const both = await robench(folder, ...words, '--shard', '1/2')
  expect(both.stderr).toBe('error: --shard and --queue are contradictory; use only one of them\n')
})
