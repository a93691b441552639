/** One run at a time in a results folder: a lock file that a dead process does not keep. */
import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { RunError } from '../../base/errors.ts'
import { storeError } from '../../base/atomic-file.ts'

interface LockContent {
  readonly pid: number
  readonly host: string
  /** When the process began, in the system's own ticks: tells it from a later one of the same pid. Empty where unknown. */
  readonly born: string
  readonly token: string
}

/**
 * Takes the lock, or takes it over from a process of this machine that is dead.
 * @returns a function that gives it back
 * @throws RunError ROBENCH_STORE if a living process has it
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const own: LockContent = {
    pid: process.pid,
    host: hostname(),
    born: await bornAt(process.pid),
    token: randomUUID(),
  }
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await create(path, own)) return () => release(path, own)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const other = parse(text)
    if (other && (await isAlive(other))) {
      throw new RunError(
        'ROBENCH_STORE',
        `${path}: another run (process ${other.pid} on ${other.host}) is using this results folder; ` +
          'wait for it, or give another folder with --results' +
          (other.host === own.host ? '' : `; if that machine is gone, delete ${path}`),
      )
    }
    await removeStale(path, text)
  }
  throw new RunError('ROBENCH_STORE', `${path}: the lock keeps changing hands; run again`)
}

/** Whole or not at all: the content is written first and then linked to its name, which fails if there is one. */
async function create(path: string, content: LockContent): Promise<boolean> {
  const temporary = `${path}.${content.token}`
  try {
    await mkdir(resolve(dirname(path)), { recursive: true })
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

/** Two runs may find the same stale lock: what was moved away is looked at again, and put back if it is not that one. */
async function removeStale(path: string, stale: string): Promise<void> {
  const moved = `${path}.${randomUUID()}`
  try {
    await rename(path, moved)
  } catch {
    return
  }
  const content = await readFile(moved, 'utf8')
  if (content !== stale) await link(moved, path).catch(() => {})
  await rm(moved, { force: true })
}

async function release(path: string, own: LockContent): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '')
  if (parse(text)?.token === own.token) await rm(path, { force: true })
}

function parse(text: string): LockContent | undefined {
  try {
    return JSON.parse(text) as LockContent
  } catch {
    return undefined
  }
}

async function isAlive({ pid, host, born }: LockContent): Promise<boolean> {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives, and belongs to someone else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return born === (await bornAt(pid))
}

/** The start time of a process as Linux tells it (field 22 of its stat file); empty elsewhere. */
async function bornAt(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}
