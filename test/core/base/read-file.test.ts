import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readBytes, readText } from '../../../core/base/read-file.ts'
import { temporaryFolder } from '../data/fixtures.ts'

const limits = { code: 'ROBENCH_DATA', mostBytes: 8 } as const

test('a text without its byte order mark', () => {
  const path = join(temporaryFolder(), 'a')
  writeFileSync(path, '\ufeffäb')
  expect(readText(path, limits)).toBe('äb')
})

test('what is no file, or too large, is refused with its name', async () => {
  const folder = temporaryFolder()
  const [large, latin, pipe] = ['large', 'latin', 'pipe'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(large, '123456789')
  writeFileSync(latin, Uint8Array.of(0xe4))
  execFileSync('mkfifo', [pipe])
  const refusals: [string, string][] = [
    [folder, `${folder}: expected a file, got a directory`],
    [large, `${large}: expected at most 8 bytes, got 9 bytes`],
    // A read would wait for a writer.
    [pipe, `${pipe}: expected a file, got a pipe`],
    ['/dev/zero', '/dev/zero: expected a file, got a device'],
    [join(folder, 'none'), `${join(folder, 'none')}: not found`],
  ]
  for (const [path, message] of refusals) {
    expect(() => readText(path, limits)).toThrow(message)
    await expect(readBytes(path, limits)).rejects.toThrow(message)
  }
  expect(() => readText(latin, { ...limits, name: 'x' })).toThrow('x: expected text in UTF-8')
})
