import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeFolder } from '../../../core/base/make-folder.ts'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'robench-folder-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('missing directories are made; those that exist are kept', async () => {
  const folder = join(temporaryFolder(), 'a', 'b', 'c')
  await makeFolder(folder)
  await makeFolder(folder)
  expect(existsSync(folder)).toBe(true)
})

test('several processes may make the same directories', async () => {
  const folder = join(temporaryFolder(), 'a', 'b')
  await Promise.all(Array.from({ length: 8 }, () => makeFolder(folder)))
  expect(existsSync(folder)).toBe(true)
})

test('a file in the place of a directory, or above it, is an error', async () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(file, 'a'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})

// The recursive mkdir of Node never returns here.
test.skipIf(!existsSync('/proc/self'))('a place that takes no directory is an error', async () => {
  await expect(makeFolder('/proc/nothing/here')).rejects.toMatchObject({ code: 'ENOENT' })
})
