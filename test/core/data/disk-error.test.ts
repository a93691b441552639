import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diskError, writing } from '../../../core/data/disk-error.ts'
import { errorOf, temporaryFolder } from './fixtures.ts'

test('the error for a full disk has advice', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
  })
  expect(
    await errorOf(() => writing('DIR/a.bin', () => Promise.reject(full))),
  ).toMatchInlineSnapshot(
    `"ROBENCH_STORE: DIR/a.bin: cannot be written: the disk is full; free some space and run the same command again (ENOSPC; ROBENCH_DATA names another data directory)"`,
  )
})

test.runIf(existsSync('/dev/full'))('a full device gives that error', async () => {
  const write = (): Promise<void> => writing('/dev/full', () => writeFile('/dev/full', 'x'))
  expect(await errorOf(write)).toContain(
    'ROBENCH_STORE: /dev/full: cannot be written: the disk is full',
  )
})

test('a path through a file is rejected', async () => {
  const folder = temporaryFolder()
  await writeFile(join(folder, 'file'), '')
  const path = join(folder, 'file', 'data')
  expect(
    await errorOf(() => writing(path, () => writeFile(path, 'x')), { DIR: folder }),
  ).toMatchInlineSnapshot(
    `"ROBENCH_STORE: DIR/file/data: cannot be written: a file exists where a directory is expected; choose another directory (ENOTDIR; ROBENCH_DATA names another data directory)"`,
  )
})

test('other errors are returned unchanged', () => {
  const error = new Error('other')
  expect(diskError('path', error)).toBe(error)
})
