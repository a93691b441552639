/** The other ways of a queue: a shared directory, TLS, priorities, and a worker that is slow. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { freePort, hasRedis } from '../support/redis.ts'
import { finished, mainScript, robench, startRobench, temporaryFolder } from './support/cli.ts'
import { childrenOf, pause, until } from './support/faults.ts'
import { problem, redisForTest, startWorker } from './support/queue-worker.ts'
import { contentOf, readOnlyResult } from './support/suite.ts'
import type { TestAttack } from './support/suite.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

/** The content of the result of an undisturbed local run. */
async function localContent(attacks: readonly TestAttack[]): Promise<unknown> {
  const folder = problem(attacks)
  expect((await robench(folder, 'run', 'suite.json', '--workers', '2')).code).toBe(0)
  return contentOf(readOnlyResult(folder))
}

const attacks = [{ plugin: 'fgsm' }, { plugin: 'pgd', options: { steps: 20 } }]

/** Makes a key and a certificate for this machine. */
function certificate(folder: string): { readonly key: string; readonly cert: string } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  expect(spawnSync('openssl', [...words, '-out', cert, ...names]).status).toBe(0)
  return { key, cert }
}

test.skipIf(!hasRedis || !hasOpenssl)(
  'TLS, a password, and a shared directory: the result is that of the local pool',
  async () => {
    const own = temporaryFolder()
    const { key, cert } = certificate(own)
    const port = await freePort()
    const password = 'the password of the broker'
    vi.stubEnv('ROBENCH_QUEUE_PASSWORD', password)
    onTestFinished(() => void vi.unstubAllEnvs())
    const tls = ['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key]
    await redisForTest([
      ...tls,
      '--tls-ca-cert-file',
      cert,
      '--tls-auth-clients',
      'no',
      '--requirepass',
      password,
    ])
    const url = `rediss://localhost:${port}`
    const stranger = await robench(own, 'queue', 'status', '--queue', url)
    expect(stranger.stderr).toMatch(/^error: rediss:\/\/localhost:\d+: .*self-signed certificate/)
    expect(stranger.code).toBe(2)
    const environment = { NODE_EXTRA_CA_CERTS: cert }
    const share = join(own, 'share')
    // The numeric address is in the certificate, too.
    startWorker({ url: `rediss://127.0.0.1:${port}` }, environment, '--share', share)
    startWorker({ url }, environment, '--share', share)
    const folder = problem(attacks)
    const words = ['run', 'suite.json', '--queue', url, '--share', share]
    const run = spawn(process.execPath, [mainScript, ...words], {
      cwd: folder,
      env: { ...process.env, ...environment, ROBENCH_CACHE: join(folder, 'cache') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void run.kill('SIGKILL'))
    const { code, stdout, stderr } = await finished(run)
    expect(stderr).not.toContain('Warning')
    expect(code).toBe(0)
    expect(stdout + stderr).not.toContain(password)
    expect(
      readFileSync(
        join(folder, 'results', readdirSync(join(folder, 'results'))[0]!, 'result.json'),
        'utf8',
      ),
    ).not.toContain(password)
    expect(contentOf(readOnlyResult(folder))).toEqual(await localContent(attacks))
    // The data and the model.
    expect(readdirSync(share)).toHaveLength(2)
  },
)

test.skipIf(!hasRedis)('what was changed in the shared directory is not used', async () => {
  const redis = await redisForTest()
  const share = join(temporaryFolder(), 'share')
  const folder = problem(attacks)
  const run = startRobench(folder, 'run', 'suite.json', '--queue', redis.url, '--share', share)
  let log = ''
  run.stderr!.on('data', (text: Buffer) => (log += text.toString()))
  const ended = finished(run)
  // A file appears under a temporary name first.
  const whole = (): string[] =>
    existsSync(share) ? readdirSync(share).filter((name) => /^[0-9a-f]{64}$/.test(name)) : []
  await until(() => whole().length === 2)
  const before = whole().map((name) => [name, readFileSync(join(share, name))] as const)
  await until(() => log.includes('no worker is connected yet'))
  for (const [name, bytes] of before) {
    const changed = Buffer.from(bytes)
    changed[changed.length >> 1]! ^= 1
    writeFileSync(join(share, name), changed)
  }
  startWorker(redis, {}, '--share', share)
  await until(() => log.includes('leaves the model to others'))
  expect(log).toMatch(/its content has sha256 [0-9a-f]{64}/)
  for (const [name, bytes] of before) writeFileSync(join(share, name), bytes)
  expect((await ended).code).toBe(0)
  expect(contentOf(readOnlyResult(folder))).toEqual(await localContent(attacks))
})

test.skipIf(!hasRedis)('a run with priority goes before one that is waiting', async () => {
  const redis = await redisForTest()
  const many = problem([{ plugin: 'pgd', options: { steps: 100 } }], { seeds: [1, 2, 3, 4, 5, 6] })
  // Another number of examples: equal jobs of two runs would be one.
  const few = problem(attacks, { limit: 400 })
  const order: string[] = []
  const start = (folder: string, ...words: string[]): Promise<unknown> => {
    const run = startRobench(folder, 'run', 'suite.json', '--queue', redis.url, ...words)
    return finished(run).then(({ code }) => {
      expect(code).toBe(0)
      return order.push(folder)
    })
  }
  const late = start(many)
  const waiting = async (): Promise<number> => {
    const words = ['queue', 'status', '--queue', redis.url, '--json']
    const { stdout } = await robench(temporaryFolder(), ...words)
    const { queues } = JSON.parse(stdout) as { queues: { waiting: number }[] }
    return queues[0]?.waiting ?? 0
  }
  while ((await waiting()) < 3) await pause(100)
  const early = start(few, '--priority', '1')
  while ((await waiting()) < 4) await pause(100)
  startWorker(redis)
  await Promise.all([early, late])
  expect(order).toEqual([few, many])
})

test.skipIf(!hasRedis || process.platform !== 'linux')(
  'a worker that is half as fast changes no outcome and loses no job',
  async () => {
    const redis = await redisForTest()
    const long = [{ plugin: 'pgd', options: { steps: 200 } }]
    const folder = problem(long)
    const slow = startWorker(redis)
    startWorker(redis)
    const run = startRobench(folder, 'run', 'suite.json', '--queue', redis.url)
    const ended = finished(run)
    while (run.exitCode === null) {
      // The program and its processes stand still half of the time.
      const all = [slow.child.pid!, ...childrenOf(slow.child.pid!)]
      const signal = (name: NodeJS.Signals): void => all.forEach((pid) => send(pid, name))
      signal('SIGSTOP')
      await pause(200)
      signal('SIGCONT')
      await pause(200)
    }
    expect((await ended).code).toBe(0)
    expect(contentOf(readOnlyResult(folder))).toEqual(await localContent(long))
    slow.child.kill('SIGTERM')
    // It took part, and nothing was counted twice.
    const [, completed] = /(\d+) jobs? completed/.exec((await slow.ended).stderr)!
    expect(Number(completed)).toBeGreaterThan(0)
    expect(readOnlyResult(folder).evidence!.units.count).toBe(6)
  },
)

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended.
  }
}
