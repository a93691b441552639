/** A lock file: one run at a time in a results directory. A dead process loses its lock. */
import { randomUUID } from 'node:crypto'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { makeFolder } from '../../base/make-folder.ts'
import { RunError } from '../../base/errors.ts'
import { hashBytes } from '../../base/hash.ts'
import { storeError } from '../../base/atomic-file.ts'

interface LockContent {
  readonly pid: number
  readonly host: string
  /**
   * Start time of the process in system ticks, which distinguishes processes with the same pid.
   * Empty if unknown.
   */
  readonly startTime: string
  readonly token: string
}

/** How often a lock is tried, and the time between two tries while another run takes it over. */
const mostAttempts = 200
const waitMs = 10

/**
 * Acquires the lock. Takes over a stale lock left by a dead process on this machine.
 * @returns a function that releases it
 * @throws RunError ROBENCH_STORE if a running process holds it
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const own: LockContent = {
    pid: process.pid,
    host: hostname(),
    startTime: await startTimeOf(process.pid),
    token: randomUUID(),
  }
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    if (await create(path, own)) return () => release(path, own)
    const text = await readLock(path).catch(() => undefined)
    if (text === undefined) continue
    const other = parse(text)
    if (other && (await isAlive(other))) {
      throw new RunError(
        'ROBENCH_STORE',
        `${path}: another run (process ${other.pid} on ${other.host}) is using this results ` +
          'directory; wait for it to finish, or choose another directory with --results' +
          (other.host === own.host ? '' : `; if that machine is gone, delete ${path}`),
      )
    }
    await removeStale(path, text, own)
  }
  throw new RunError('ROBENCH_STORE', `${path}: other processes keep taking the lock; run again`)
}

/**
 * Creates the lock file atomically: writes the content, then links it, which fails if the name
 * exists.
 */
async function create(path: string, content: LockContent): Promise<boolean> {
  const temporary = `${path}.${content.token}`
  try {
    await makeFolder(dirname(path))
    await writeFile(temporary, JSON.stringify(content))
    await link(temporary, path)
    return true
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false
    throw storeError(path, cause)
  } finally {
    await rm(temporary, { force: true }).catch(() => {})
  }
}

/**
 * Two runs may find the same stale lock, and one of them may already have its own. So only the
 * holder of a second lock, which is named after the stale content, reads it again and removes it.
 */
async function removeStale(path: string, stale: string, own: LockContent): Promise<void> {
  const guard = `${path}.${hashBytes(Buffer.from(stale)).slice(0, 16)}`
  if (await create(guard, own)) {
    try {
      const text = await readLock(path).catch(() => undefined)
      if (text === stale) await rm(path, { force: true })
    } finally {
      await rm(guard, { force: true })
    }
    return
  }
  const text = await readLock(guard).catch(() => undefined)
  if (text === undefined) return
  const other = parse(text)
  // A process that died here leaves the second lock, too.
  if (other && (await isAlive(other))) await setTimeout(waitMs)
  else await rm(guard, { force: true })
}

async function release(path: string, own: LockContent): Promise<void> {
  const text = await readLock(path).catch(() => '')
  // A lock that stays, on a file system that is now read-only, is stale when this process has ended.
  if (parse(text)?.token === own.token) await rm(path, { force: true }).catch(() => {})
}

/** The content of a lock file; empty for what is no file, since a pipe would never end. */
async function readLock(path: string): Promise<string> {
  return (await stat(path)).isFile() ? readFile(path, 'utf8') : ''
}

function parse(text: string): LockContent | undefined {
  try {
    return JSON.parse(text) as LockContent
  } catch {
    return undefined
  }
}

async function isAlive({ pid, host, startTime }: LockContent): Promise<boolean> {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return startTime === (await startTimeOf(pid))
}

/** Start time of a process on Linux (field 22 of its stat file); empty on other systems. */
async function startTimeOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}
