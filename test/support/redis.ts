/** A redis-server of its own for a test file, on a free port of the loopback interface. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker, parseAddress } from '../../core/bench/queue/connection.ts'
import { removeFolder } from '../e2e/support/cli.ts'

/** Whether redis-server is installed; tests that need it are skipped where it is not. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

/** A running server. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  /** SIGSTOP and SIGCONT: clients wait. */
  pause(): void
  resume(): void
  /** Kills it, and starts it again: with all of its data, or with none. */
  restart(options: { readonly keepData: boolean }): Promise<void>
  stop(): Promise<void>
}

/** Starts a server. @param more words of its command line, beside those of address and storage */
export async function startRedis(more: readonly string[] = []): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'robench-redis-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child = await start(folder, port, more)
  return {
    url,
    port,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async restart({ keepData }) {
      await end(child)
      if (!keepData) await removeFolder(join(folder, 'appendonlydir'))
      child = await start(folder, port, more)
    },
    async stop() {
      child.kill('SIGCONT')
      await end(child)
      await removeFolder(folder)
    },
  }
}

async function start(folder: string, port: number, more: readonly string[]): Promise<ChildProcess> {
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  const log = ['--appendonly', 'yes', '--appendfsync', 'always']
  const child = spawn('redis-server', [...words, ...log, ...more], { stdio: 'ignore' })
  ;(await openBroker(await reachable(port))).close()
  return child
}

/** Waits for the server to listen. */
async function reachable(port: number): Promise<ReturnType<typeof parseAddress>> {
  const address = parseAddress(`redis://127.0.0.1:${port}`)
  for (;;) {
    try {
      ;(await openBroker(address)).close()
      return address
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

/** A port of the loopback interface that no program listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
