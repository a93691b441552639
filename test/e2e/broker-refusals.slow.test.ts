/** A broker that refuses commands: a run waits, or ends with exit code 2 and no result. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Redis } from 'ioredis'
import { openBroker, parseAddress } from '../../core/bench/queue/connection.ts'
import { openRunQueue } from '../../core/bench/queue/open.ts'
import { runSuite } from '../../core/bench/execute/run.ts'
import { loadSuite } from '../../core/bench/suite/load.ts'
import { hasRedis } from '../support/redis.ts'
import type { TestRedis } from '../support/redis.ts'
import { problem, redisForTest, startWorker } from './support/queue-worker.ts'
import { finished, robench, startRobench } from './support/cli.ts'
import { contentOf, readOnlyResult } from './support/suite.ts'

/** Plain commands of another client of the broker. */
async function clientOf({ url }: TestRedis): Promise<Redis> {
  const broker = await openBroker(parseAddress(url))
  onTestFinished(() => broker.close())
  return broker.client
}

interface Fault {
  /** What the run says of it; by default the word that the broker answers. */
  readonly said?: RegExp
  begin(client: Redis): Promise<unknown>
  end(client: Redis): Promise<unknown>
}

const faults: Readonly<Record<string, Fault>> = {
  OOM: {
    begin: (client) => client.config('SET', 'maxmemory', '1'),
    end: (client) => client.config('SET', 'maxmemory', '0'),
  },
  READONLY: {
    begin: (client) => client.call('REPLICAOF', '127.0.0.1', '1'),
    end: (client) => client.call('REPLICAOF', 'NO', 'ONE'),
  },
  NOREPLICAS: {
    begin: (client) => client.config('SET', 'min-replicas-to-write', '1'),
    end: (client) => client.config('SET', 'min-replicas-to-write', '0'),
  },
  NOAUTH: {
    async begin(client) {
      await client.config('SET', 'requirepass', 'x')
      await client.call('CLIENT', 'KILL', 'TYPE', 'normal')
    },
    end: (client) => client.config('SET', 'requirepass', ''),
  },
  MISCONF: {
    async begin(client) {
      const [, folder] = (await client.config('GET', 'dir')) as [string, string]
      rmSync(folder, { recursive: true })
      await client.config('SET', 'save', '3600 1000000')
      await client.bgsave()
      await expect.poll(() => client.info('persistence')).toContain('rdb_last_bgsave_status:err')
    },
    end: (client) => client.config('SET', 'save', ''),
  },
  BUSY: {
    // Commands that block, which the run waits for, get no answer.
    said: /the broker (?:refuses commands: BUSY|is away: no answer)/,
    async begin(client) {
      await client.config('SET', 'busy-reply-threshold', '1')
      const other = client.duplicate()
      other.eval('while true do end', 0).catch(() => other.disconnect())
    },
    end: (client) => client.script('KILL'),
  },
}

/** A run whose broker has a fault from before its first unit on; resolves once the run waits. */
async function waitingRun(
  folder: string,
  redis: TestRedis,
  { begin }: Fault,
): Promise<{
  readonly client: Redis
  readonly run: ReturnType<typeof startRobench>
  readonly ended: ReturnType<typeof finished>
}> {
  const client = await clientOf(redis)
  const run = startRobench(folder, 'run', 'suite.json', '--queue', redis.url)
  const ended = finished(run)
  await new Promise<void>((resolve, reject) => {
    let log = ''
    let begun = false
    run.stderr!.on('data', (text: Buffer) => {
      log += text.toString()
      if (!begun && log.includes('no worker is connected yet')) {
        begun = true
        begin(client).catch(reject)
      }
      if (log.includes('waiting, for up to 30 min')) resolve()
    })
    run.once('exit', () => reject(new Error(`the run ended: ${log}`)))
  })
  run.removeAllListeners('exit')
  return { client, run, ended }
}

test.skipIf(!hasRedis).each(Object.entries(faults))(
  'a run waits while the broker answers %s',
  async (word, fault) => {
    const redis = await redisForTest()
    const folder = problem([{ plugin: 'fgsm' }], { limit: 400 })
    const calm = problem([{ plugin: 'fgsm' }], { limit: 400 })
    expect((await robench(calm, 'run', 'suite.json')).code).toBe(0)
    const { client, ended } = await waitingRun(folder, redis, fault)
    await fault.end(client)
    startWorker(redis)
    const { code, stderr } = await ended
    expect(stderr).toMatch(fault.said ?? `the broker refuses commands: ${word} `)
    expect(stderr).not.toContain('failed: ')
    expect(code).toBe(0)
    expect(contentOf(readOnlyResult(folder))).toEqual(contentOf(readOnlyResult(calm)))
  },
)

test.skipIf(!hasRedis)('SIGINT ends a run that waits', async () => {
  const redis = await redisForTest()
  const folder = problem([{ plugin: 'fgsm' }])
  const { run, ended } = await waitingRun(folder, redis, faults['NOAUTH']!)
  run.kill('SIGINT')
  const { code, stderr } = await ended
  expect(stderr).toContain('interrupted; completed work is saved')
  expect(code).toBe(130)
})

test.skipIf(!hasRedis)('a broker that refuses commands from the start', async () => {
  const redis = await redisForTest()
  const client = await clientOf(redis)
  const folder = problem([{ plugin: 'fgsm' }])
  const words = ['run', 'suite.json', '--queue', redis.url]
  await faults['OOM']!.begin(client)
  const full = await robench(folder, ...words)
  expect(full.stderr).toBe(
    `error: ${redis.url}: the broker refuses commands: OOM command not allowed when used memory ` +
      "> 'maxmemory'; it is out of memory: raise its maxmemory\n",
  )
  expect(full.code).toBe(2)
  const worker = await robench(folder, 'worker', '--queue', redis.url)
  expect(worker.stderr).toContain('the broker refuses commands: OOM ')
  expect(worker.code).toBe(2)
})

test.skipIf(!hasRedis)('a refusal that cannot pass ends the run without a result', async () => {
  const redis = await redisForTest()
  const client = await clientOf(redis)
  const folder = problem([{ plugin: 'fgsm' }])
  await client.set('robench:devices', 'of another program')
  const words = ['run', 'suite.json', '--queue', redis.url]
  const { code, stderr, stdout } = await robench(folder, ...words)
  expect(stderr).toContain(
    `error: ${redis.url}: the broker refuses commands: WRONGTYPE Operation against a key holding ` +
      'the wrong kind of value; another program uses keys that begin with "robench:"; use ' +
      'another database, as in --queue redis://host:6379/1\n',
  )
  expect(stderr).not.toContain('failed: ')
  expect(stdout).not.toContain('result.json')
  expect(code).toBe(2)
  expect(() => readOnlyResult(folder)).toThrow('ENOENT')
})

test.skipIf(!hasRedis).each(['a refusal', 'a broker that is away'])(
  '%s that lasts too long ends the run without a result',
  async (what) => {
    const redis = await redisForTest()
    const client = await clientOf(redis)
    const folder = problem([{ plugin: 'fgsm' }])
    const queue = { queue: redis.url, device: 'cpu', fresh: false, patienceMs: 1 }
    const opened = await openRunQueue(queue)
    if (what === 'a refusal') await faults['OOM']!.begin(client)
    else await redis.stop()
    const resultsFolder = join(folder, 'results')
    const done = runSuite(loadSuite(join(folder, 'suite.json')), {
      resultsFolder,
      executor: opened.executor,
    })
    await expect(done).rejects.toThrow('completed work is saved, so run it again later')
    await expect(done).rejects.toMatchObject({ code: 'ROBENCH_QUEUE' })
    await opened.close()
    expect(() => readOnlyResult(folder)).toThrow('ENOENT')
  },
)
