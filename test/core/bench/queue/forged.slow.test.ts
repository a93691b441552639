/** What strangers write to the broker, who have no key: no outcome changes, and no run waits. */
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openBroker, parseAddress } from '../../../../core/bench/queue/connection.ts'
import type { Broker } from '../../../../core/bench/queue/connection.ts'
import { inspectBroker } from '../../../../core/bench/queue/inspect.ts'
import { idOf, outcomePurpose, sign } from '../../../../core/bench/queue/message.ts'
import { openRunQueue } from '../../../../core/bench/queue/open.ts'
import { announce, listPresent } from '../../../../core/bench/queue/presence.ts'
import type { Presence } from '../../../../core/bench/queue/presence.ts'
import { runSuite } from '../../../../core/bench/execute/run.ts'
import { checkSuite } from '../../../../core/bench/suite/load.ts'
import { temporaryFolder } from '../../../e2e/support/cli.ts'
import { redisForTest, startWorker } from '../../../e2e/support/queue-worker.ts'
import { contentOf, testSuite } from '../../../e2e/support/suite.ts'
import { writeTinyProblem } from '../../../e2e/support/tiny-problem.ts'
import { hasRedis } from '../../../support/redis.ts'
import { openInProcess } from '../execute/in-process-executor.ts'

const key = process.env['ROBENCH_QUEUE_KEY']!
const hashOf = (id: string): string => `robench:cpu:${id}`

/** Completes a job as its worker would, with any value. */
async function complete({ client }: Broker, id: string, value: string): Promise<void> {
  await client.hset(hashOf(id), { returnvalue: value, finishedOn: '1', processedOn: '1' })
  await client.zrem('robench:cpu:prioritized', id)
  await client.zadd('robench:cpu:completed', 1, id)
  const fields = ['event', 'completed', 'jobId', id, 'returnvalue', value, 'prev', 'active']
  await client.xadd('robench:cpu:events', '*', ...fields)
}

const empty = JSON.stringify({
  version: 1,
  worker: 'x',
  outcome: { state: 'completed', value: {} },
})

/** Changes of a waiting job. */
const changes: Readonly<Record<string, (broker: Broker, id: string) => Promise<unknown>>> = {
  'an outcome of another form': (broker, id) => complete(broker, id, '{"value":{}}'),
  'an outcome without a signature': (broker, id) =>
    complete(broker, id, JSON.stringify({ text: empty })),
  'a signed outcome without a value': (broker, id) =>
    complete(broker, id, JSON.stringify(sign(empty, outcomePurpose(id), key))),
  'an outcome that is no JSON': (broker, id) => complete(broker, id, '{'),
  'a completion without an outcome': async ({ client }, id) => {
    await client.zrem('robench:cpu:prioritized', id)
    await client.zadd('robench:cpu:completed', 1, id)
  },
  'a completion of a job that is gone': async (broker, id) => {
    await complete(broker, id, '{}')
    await broker.client.del(hashOf(id))
  },
  'another text': ({ client }, id) => client.hset(hashOf(id), 'data', '{"text":"{}"}'),
  'a text that is no JSON': ({ client }, id) => client.hset(hashOf(id), 'data', '{'),
  'no signature': async ({ client }, id) => {
    const { text } = JSON.parse((await client.hget(hashOf(id), 'data'))!) as { text: string }
    await client.hset(hashOf(id), 'data', JSON.stringify({ text }))
  },
  'a job in no list': ({ client }, id) => client.zrem('robench:cpu:prioritized', id),
  'events of another form': async ({ client }, id) => {
    for (const data of ['{', '[]', '{"robench":"examples","done":"x"}', '{"robench":"began"}']) {
      const fields = ['event', 'progress', 'jobId', id, 'data', data]
      await client.xadd('robench:cpu:events', '*', ...fields)
    }
  },
}

/** Waits for a condition. */
async function until(isReached: () => Promise<boolean>): Promise<void> {
  while (!(await isReached())) await new Promise((resolve) => setTimeout(resolve, 20))
}

test.skipIf(!hasRedis)('changes in the broker change no outcome', async () => {
  const redis = await redisForTest()
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const broker = await openBroker(parseAddress(redis.url))
  onTestFinished(() => broker.close())
  const queue = new broker.bull.Queue('cpu', {
    connection: parseAddress(redis.url).options,
    prefix: 'robench',
  })
  onTestFinished(() => queue.close())
  const loaded = checkSuite(
    testSuite([{ plugin: 'fgsm' }], {
      limit: 600,
      defenses: [{ name: 'tiny', plugin: 'standard', model: 'tiny.onnx' }],
    }),
    'suite.json',
    folder,
  )
  const local = await runSuite(loaded, {
    resultsFolder: join(folder, 'local'),
    executor: openInProcess,
  })
  startWorker(redis)
  const names = Object.keys(changes)
  for (let first = 0; first < names.length; first += 2) {
    // One for each of the two jobs.
    const name = names.slice(first, first + 2).join(' and ')
    await queue.pause()
    const run = await openRunQueue({ queue: redis.url, device: 'cpu', fresh: true })
    const done = runSuite(loaded, {
      resultsFolder: join(folder, String(first)),
      executor: run.executor,
    })
    await until(async () => (await queue.getJobCounts())['prioritized'] === 2)
    const ids = await broker.client.zrange('robench:cpu:prioritized', 0, -1)
    for (const [place, id] of ids.entries()) {
      const change = names[first + place]
      if (change !== undefined) await changes[change]!(broker, id)
    }
    await queue.resume()
    const { result } = await done
    expect({ name, content: contentOf(result) }).toEqual({
      name,
      content: contentOf(local.result),
    })
    await run.close()
  }
})

test.skipIf(!hasRedis)('a signed job that no worker can use is a dead letter', async () => {
  const redis = await redisForTest()
  const broker = await openBroker(parseAddress(redis.url))
  onTestFinished(() => broker.close())
  const queue = new broker.bull.Queue('cpu', {
    connection: parseAddress(redis.url).options,
    prefix: 'robench',
  })
  onTestFinished(() => queue.close())
  const { child, ended } = startWorker(redis)
  const hash = 'a'.repeat(64)
  const unit = { id: hash, cell: {}, shard: { start: 0, end: 5 } }
  const job = {
    kind: 'unit',
    setting: { plugins: [], dataset: { id: 'toy' } },
    model: { sha256: hash, label: 'm', manifest: {} },
    batchSize: 4,
    unit,
  }
  const valid = {
    version: 1,
    label: 'a job',
    limits: { label: 'a job', timeLimitMs: 1000 },
    software: { robench: '1', onnxruntime: '1' },
    packages: [],
    data: { test: hash },
    job,
  }
  for (const changed of [
    { job: { ...job, batchSize: 1e300 } },
    { limits: { label: 'a job', timeLimitMs: 'long' } },
    { packages: [{}] },
    { data: {} },
  ]) {
    const text = JSON.stringify({ ...valid, ...changed })
    await queue.add('a job', sign(text, 'job', key), { jobId: idOf(text), attempts: 3 })
  }
  await until(async () => (await queue.getJobCounts())['failed'] === 4)
  const { dead } = await inspectBroker(broker, undefined)
  expect(dead.map(({ reason }) => reason).toSorted()).toEqual([
    'it is not a message of robench: /data: missing key "test" [ROBENCH_QUEUE]',
    'it is not a message of robench: /job/batchSize: must be <= 9007199254740991, got 1e+300 ' +
      '[ROBENCH_QUEUE]',
    'it is not a message of robench: /limits/timeLimitMs: must be a number, got "long" ' +
      '[ROBENCH_QUEUE]',
    'it is not a message of robench: /packages/0: missing key "name" [ROBENCH_QUEUE]',
  ])
  child.kill('SIGTERM')
  expect((await ended).code).toBe(0)
})

test.skipIf(!hasRedis)('an announcement is valid for a short time', async () => {
  const redis = await redisForTest()
  const broker = await openBroker(parseAddress(redis.url))
  onTestFinished(() => broker.close())
  const { client } = broker
  const presence: Presence = { kind: 'coordinator', name: 'host:1', url: 'http://10.0.0.1:7070' }
  const leave = await announce(broker, () => presence, 'token')
  expect(await listPresent(broker, 'token')).toEqual([presence])
  expect(await listPresent(broker, 'other')).toEqual([])
  const [id] = await client.smembers('robench:present')
  const copy = (await client.get(`robench:present:${id}`))!
  await leave()
  const put = async (signed: string): Promise<void> => {
    await client.sadd('robench:present', 'copy')
    await client.set('robench:present:copy', signed)
  }
  // What was announced a moment ago is still valid.
  await put(copy)
  expect(await listPresent(broker, 'token')).toEqual([presence])
  const { at } = JSON.parse((JSON.parse(copy) as { text: string }).text) as { at: number }
  for (const other of [at - 60_000, at + 60_000, null]) {
    await put(JSON.stringify(sign(JSON.stringify({ at: other, presence }), 'presence', 'token')))
    expect(await listPresent(broker, 'token')).toEqual([])
  }
  // An older version signed no time.
  await put(JSON.stringify(sign(JSON.stringify(presence), 'presence', 'token')))
  expect(await listPresent(broker, 'token')).toEqual([])
})
