/** Runs of a suite of 200 small cells, on the local pool and on a queue, for the benchmarks. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runSuite } from '../../dist/core/bench/execute/run.js'
import { openRunQueue } from '../../dist/core/bench/queue/open.js'
import { checkSuite } from '../../dist/core/bench/suite/load.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const workers = 2

const suite = checkSuite(
  {
    id: 'queue-bench',
    title: '200 small cells',
    dataset: { id: 'quickstart' },
    limit: 50,
    checks: false,
    seeds: Array.from({ length: 100 }, (_, seed) => seed),
    threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
    defenses: ['standard', 'pgd-at'].map((name) => ({
      name,
      plugin: 'standard',
      model: `models/quickstart-${name}.onnx`,
    })),
    attacks: [{ plugin: 'pgd', options: { steps: 10 } }],
  },
  'queue-bench',
  root,
)

/** Why the runs cannot be made here; undefined if they can. */
export function missingRedis() {
  return spawnSync('redis-server', ['--version']).status === 0
    ? undefined
    : 'redis-server is not installed'
}

/** Runs on the local pool. Returns wall time in ms, and the service times of all units in ms. */
export function runLocally() {
  return timedRun({ workers })
}

/**
 * Runs on a queue, with a worker program of two processes that was just started, as those of a
 * local pool. `coordinatorMs` is the processor time of this process.
 */
export async function runOnQueue() {
  const folder = mkdtempSync(join(tmpdir(), 'robench-bench-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder]
  const redis = spawn('redis-server', words, { stdio: 'ignore' })
  const main = join(root, 'dist/cli/main.js')
  let worker
  try {
    await new Promise((resolve) => setTimeout(resolve, 500))
    worker = spawn(
      process.execPath,
      [main, 'worker', '--queue', url, '--workers', String(workers)],
      { stdio: 'ignore' },
    )
    let queue
    for (;;) {
      const notices = []
      const notice = (text) => notices.push(text)
      queue = await openRunQueue({ queue: url, device: 'cpu', fresh: false, notice })
      if (!notices.some((text) => text.startsWith('no worker'))) break
      await queue.close()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const before = process.cpuUsage()
    const run = await timedRun({ executor: queue.executor, workers })
    const { user, system } = process.cpuUsage(before)
    await queue.close()
    return { ...run, coordinatorMs: (user + system) / 1000 }
  } finally {
    worker?.kill('SIGKILL')
    redis.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function timedRun(options) {
  const resultsFolder = mkdtempSync(join(tmpdir(), 'robench-bench-'))
  try {
    const started = performance.now()
    let ended = started
    const listener = { completed: () => (ended = performance.now()) }
    const { result } = await runSuite(suite, { ...options, resultsFolder, listener })
    const attacks = result.entries.flatMap((entry) => entry.attacks)
    return {
      wallMs: ended - started,
      serviceMs: attacks.map(({ elapsedMs }) => elapsedMs),
      outcomes: attacks.map(({ outcomes }) => outcomes).join(),
    }
  } finally {
    rmSync(resultsFolder, { recursive: true, force: true })
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
