/** Files that expand a thousand times, unpacked in this process: its memory stays small. */
import { createWriteStream, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Header } from 'tar'
import { expect, test } from 'vitest'
import { inspectFile } from '../../core/data/published.ts'
import { unpackTar } from '../../core/data/sources/unpack-tar.ts'
import { temporaryFolder } from '../core/data/fixtures.ts'

const piece = Buffer.alloc(2 ** 20)

/** The highest memory of this process so far, in MB. */
function peak(): number {
  return process.resourceUsage().maxRSS / 1024
}

/** Writes zeros behind a head, compressed. */
async function writeZeros(
  path: string,
  megabytes: number,
  head: Uint8Array = new Uint8Array(),
): Promise<void> {
  function* content(): Generator<Uint8Array> {
    yield head
    for (let i = 0; i < megabytes; i++) yield piece
  }
  await pipeline(Readable.from(content()), createGzip({ level: 1 }), createWriteStream(path))
}

test('a gzip file of 3 GB of zeros', async () => {
  const path = join(temporaryFolder(), 'x.gz')
  await writeZeros(path, 3000)
  const before = peak()
  const digest = { algorithm: 'sha256', value: '' } as const
  const published = { name: 'x.gz', bytes: 30_000_000, digest }
  expect(await inspectFile(path, published)).toEqual({
    state: 'wrong',
    problem: 'expands to more than 30000000 bytes: another file',
  })
  expect(peak() - before).toBeLessThan(200)
})

test('a tarball with a file of 3 GB of zeros', async () => {
  const folder = temporaryFolder()
  const [path, work] = [join(folder, 'x.tgz'), join(folder, 'work')]
  mkdirSync(work)
  const head = new Header({ path: 'x.bin', size: 3000 * 2 ** 20, type: 'File', mode: 0o644 })
  head.encode()
  await writeZeros(path, 3000, head.block)
  expect(statSync(path).size).toBeLessThan(20e6)
  const before = peak()
  await expect(unpackTar({ path, work, strip: 0, mostBytes: () => 1e6 })).rejects.toThrow(
    `${path}: expands to more than 1073741824 bytes; it is not the published archive`,
  )
  expect(peak() - before).toBeLessThan(200)
})
