/** Checksums of folders: links to files count as files, and whatever else is refused. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hashOfPath } from '../../../core/data/describe.ts'

function folderWith(make: (folder: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'robench-describe-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'cat'))
  writeFileSync(join(folder, 'cat', 'a.png'), 'a')
  make(folder)
  return folder
}

test('a link to a file is the file', async () => {
  const linked = folderWith((folder) => symlinkSync('a.png', join(folder, 'cat', 'b.png')))
  const copied = folderWith((folder) => writeFileSync(join(folder, 'cat', 'b.png'), 'a'))
  expect(await hashOfPath(linked)).toBe(await hashOfPath(copied))
})

test.each(['..', 'nowhere', '/dev/zero'])('a link to %s is refused', async (target) => {
  const folder = folderWith((made) => symlinkSync(target, join(made, 'cat', 'b')))
  const path = join(folder, 'cat', 'b')
  await expect(hashOfPath(folder)).rejects.toThrow(`${path}: expected a file or a directory`)
})

test('a device is refused', async () => {
  await expect(hashOfPath('/dev/zero')).rejects.toThrow('/dev/zero: expected a file or a directory')
})
