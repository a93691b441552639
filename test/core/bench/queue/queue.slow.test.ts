/** A run on a queue: a real broker, a worker in its own process, the outcomes of the local pool. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openBroker, parseAddress } from '../../../../core/bench/queue/connection.ts'
import { inspectBroker } from '../../../../core/bench/queue/inspect.ts'
import { openRunQueue } from '../../../../core/bench/queue/open.ts'
import { runSuite } from '../../../../core/bench/execute/run.ts'
import { checkSuite } from '../../../../core/bench/suite/load.ts'
import { mainScript, temporaryFolder } from '../../../e2e/support/cli.ts'
import { contentOf, testSuite } from '../../../e2e/support/suite.ts'
import { writeTinyProblem } from '../../../e2e/support/tiny-problem.ts'
import { hasRedis, startRedis } from '../../../support/redis.ts'
import { openInProcess } from '../execute/in-process-executor.ts'

const secrets = { ROBENCH_QUEUE_TOKEN: 'secret-token', ROBENCH_QUEUE_KEY: 'secret-key' }

test.skipIf(!hasRedis)(
  'a worker that has neither model nor data computes what the local pool computes',
  async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const folder = temporaryFolder()
    writeTinyProblem(folder)
    Object.assign(process.env, secrets, { ROBENCH_CACHE: join(folder, 'cache') })
    onTestFinished(() => {
      for (const name of Object.keys(secrets)) delete process.env[name]
    })
    const child = spawn(
      process.execPath,
      [mainScript, 'worker', '--queue', redis.url, '--workers', '1', '--heartbeat', '1'],
      {
        cwd: temporaryFolder(),
        env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache-of-worker') },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let log = ''
    child.stderr.on('data', (text: Buffer) => (log += text.toString()))
    const ended = new Promise((resolve) => child.once('close', resolve))
    onTestFinished(() => void child.kill('SIGKILL'))
    const loaded = checkSuite(
      testSuite([{ plugin: 'test/noise' }, { plugin: 'fgsm' }], {
        limit: 600,
        seeds: [1],
        defenses: [{ name: 'tiny', plugin: 'standard', model: 'tiny.onnx' }],
      }),
      'suite.json',
      folder,
    )
    const local = await runSuite(loaded, {
      resultsFolder: join(folder, 'local'),
      executor: openInProcess,
      saveAdversarial: true,
    })
    const notices: string[] = []
    const queue = await openRunQueue({
      queue: redis.url,
      device: 'cpu',
      fresh: false,
      notice: (text) => notices.push(text),
    })
    onTestFinished(() => queue.close())
    const remote = await runSuite(loaded, {
      resultsFolder: join(folder, 'remote'),
      executor: queue.executor,
      saveAdversarial: true,
    })
    expect(contentOf(remote.result)).toEqual(contentOf(local.result))
    // The hash of an index with the hashes of all files of adversarial examples.
    const { adversarials } = remote.result.evidence!
    expect(adversarials).toMatch(/^[0-9a-f]{64}$/)
    expect(adversarials).toBe(local.result.evidence!.adversarials)
    const broker = await openBroker(parseAddress(redis.url))
    const { queues, dead } = await inspectBroker(broker, secrets.ROBENCH_QUEUE_TOKEN)
    broker.close()
    const [{ device, ...counts }] = queues as [(typeof queues)[number]]
    expect(device).toBe('cpu')
    expect(counts).toEqual({ waiting: 0, delayed: 0, active: 0, completed: 0, dead: 0 })
    expect(dead).toEqual([])
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    // Two chunks each of clean predictions, of fgsm, and of the noise.
    expect(log).toContain('6 jobs completed, 0 left to others')
    expect(notices.filter((text) => !text.startsWith('no worker is connected yet'))).toEqual([])
    const results = readFileSync(remote.resultPath, 'utf8')
    for (const secret of Object.values(secrets)) expect(results + log).not.toContain(secret)
  },
)
