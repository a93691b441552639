import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hashBytes } from '../../../../core/base/hash.ts'
import { takeLock } from '../../../../core/bench/store/lock.ts'

function lockPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'robench-lock-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'lock')
}

function holder(more: object): string {
  return JSON.stringify({ pid: process.pid, host: hostname(), startTime: '', token: 'x', ...more })
}

/** The pid of a dead process. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await new Promise((resolve) => child.on('exit', resolve))
  return child.pid!
}

test('a lock has one holder, and can be taken again after its release', async () => {
  const path = lockPath()
  const release = await takeLock(path)
  await expect(takeLock(path)).rejects.toThrow('is using this results directory')
  await release()
  await (
    await takeLock(path)
  )()
  expect(existsSync(path)).toBe(false)
})

test('of many concurrent callers, one gets the lock', async () => {
  const path = lockPath()
  const requests = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(path)))
  expect(requests.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('the lock of a dead process is taken over, and no other file remains', async () => {
  const path = lockPath()
  writeFileSync(path, holder({ pid: await deadPid() }))
  await takeLock(path)
  expect(readdirSync(join(path, '..'))).toEqual(['lock'])
})

test('of many callers that find a stale lock, one takes it over', async () => {
  const path = lockPath()
  writeFileSync(path, holder({ pid: await deadPid() }))
  const requests = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(path)))
  expect(requests.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('a take-over that a dead process left is taken over, too', async () => {
  const path = lockPath()
  const stale = holder({ pid: await deadPid() })
  writeFileSync(path, stale)
  writeFileSync(`${path}.${hashBytes(Buffer.from(stale)).slice(0, 16)}`, stale)
  await expect(takeLock(path)).resolves.toBeTypeOf('function')
  expect(readdirSync(dirname(path)).filter((name) => name.startsWith('lock.'))).toEqual([])
})

test('a later process with the same pid does not hold the lock', async () => {
  const path = lockPath()
  writeFileSync(path, holder({ startTime: 'long ago' }))
  await expect(takeLock(path)).resolves.toBeTypeOf('function')
})

test('a damaged lock is taken over', async () => {
  const path = lockPath()
  writeFileSync(path, '{"pid": 1')
  await expect(takeLock(path)).resolves.toBeTypeOf('function')
})

test('the lock of another machine is respected', async () => {
  const path = lockPath()
  writeFileSync(path, holder({ host: 'elsewhere' }))
  await expect(takeLock(path)).rejects.toThrow(`if that machine is gone, delete ${path}`)
})
