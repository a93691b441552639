import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { download } from '../../../core/data/download.ts'
import { deadAddress, fileServer, errorOf, serveRange, temporaryFolder } from './fixtures.ts'
import type { Handler } from './fixtures.ts'

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 253)
const contents = new Map([['file.bin', content]])

test('a file is downloaded with progress', async () => {
  const { base } = await fileServer(contents)
  const path = join(temporaryFolder(), 'file.part')
  const seen: (number | undefined)[][] = []
  const onProgress = (...progress: (number | undefined)[]): unknown => seen.push(progress)
  expect(await download({ url: `${base}file.bin`, path, onProgress })).toEqual({ resumed: false })
  expect(readFileSync(path).equals(content)).toBe(true)
  expect(seen.at(-1)).toEqual([300_000, 300_000])
})

test('a download resumes where an earlier call ended', async () => {
  const { base, requests } = await fileServer(contents)
  const path = join(temporaryFolder(), 'file.part')
  writeFileSync(path, content.subarray(0, 1000))
  expect(await download({ url: `${base}file.bin`, path })).toEqual({ resumed: true })
  expect(readFileSync(path).equals(content)).toBe(true)
  expect(requests).toEqual(['/file.bin bytes=1000-'])
})

test('a complete file is not changed', async () => {
  const { base } = await fileServer(contents)
  const path = join(temporaryFolder(), 'file.part')
  writeFileSync(path, content)
  await download({ url: `${base}file.bin`, path })
  expect(readFileSync(path).equals(content)).toBe(true)
})

test('a partial file longer than the published one is deleted', async () => {
  const { base, requests } = await fileServer(contents)
  const path = join(temporaryFolder(), 'file.part')
  writeFileSync(path, new Uint8Array(400_000))
  expect(await download({ url: `${base}file.bin`, path })).toEqual({ resumed: false })
  expect(readFileSync(path).equals(content)).toBe(true)
  expect(requests).toEqual(['/file.bin bytes=400000-', '/file.bin'])
})

test('without range support, the whole file is downloaded again', async () => {
  const { base } = await fileServer(contents, (bytes, _, response) => response.end(bytes))
  const path = join(temporaryFolder(), 'file.part')
  writeFileSync(path, content.subarray(0, 1000))
  expect(await download({ url: `${base}file.bin`, path })).toEqual({ resumed: false })
  expect(readFileSync(path).equals(content)).toBe(true)
})

/** Sends 100,000 bytes of the requested range, then closes the connection. */
const dropping: Handler = (bytes, request, response) => {
  const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const rest = bytes!.subarray(start)
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': rest.length,
    'content-range': `bytes ${start}-${bytes!.length - 1}/${bytes!.length}`,
  })
  if (rest.length <= 100_000) response.end(rest)
  else response.write(rest.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50))
}

test('a download resumes after a dropped connection', async () => {
  const { base, requests } = await fileServer(contents, dropping)
  const path = join(temporaryFolder(), 'file.part')
  await download({ url: `${base}file.bin`, path })
  expect(readFileSync(path).equals(content)).toBe(true)
  expect(requests.length).toBeGreaterThan(1)
})

test('a missing file throws, and nothing is written', async () => {
  const { base } = await fileServer(contents)
  const path = join(temporaryFolder(), 'file.part')
  const attempt = (): unknown => download({ url: `${base}other.bin`, path })
  expect(await errorOf(attempt, { 'HOST/': base })).toMatchInlineSnapshot(
    `"ROBENCH_DATA_UNAVAILABLE: HOST/other.bin: HTTP 404 Not Found"`,
  )
  expect(existsSync(path)).toBe(false)
})

test('a server that does not respond times out', async () => {
  const { base } = await fileServer(contents, () => {})
  const path = join(temporaryFolder(), 'file.part')
  const attempt = (): unknown => download({ url: `${base}file.bin`, path, connectTimeoutMs: 100 })
  expect(await errorOf(attempt, { 'HOST/': base })).toMatchInlineSnapshot(
    `"ROBENCH_DATA_UNAVAILABLE: HOST/file.bin: no response within 0.1 s"`,
  )
})

test('a server that stops sending times out', async () => {
  const { base } = await fileServer(contents, (_, __, response) => {
    response.writeHead(200, { 'content-length': 10 }).flushHeaders()
  })
  const path = join(temporaryFolder(), 'file.part')
  const attempt = (): unknown => download({ url: `${base}file.bin`, path, stallTimeoutMs: 100 })
  expect(await errorOf(attempt, { 'HOST/': base })).toMatchInlineSnapshot(
    `"ROBENCH_DATA_UNAVAILABLE: HOST/file.bin: no data within 0.1 s"`,
  )
})

test('a refused connection fails without retries', async () => {
  const dead = await deadAddress()
  const path = join(temporaryFolder(), 'file.part')
  const attempt = (): unknown => download({ url: `${dead}file.bin`, path })
  expect(
    (await errorOf(attempt, { 'DEAD/': dead })).replace(/:\d+$/, ':PORT'),
  ).toMatchInlineSnapshot(
    `"ROBENCH_DATA_UNAVAILABLE: DEAD/file.bin: connect ECONNREFUSED 127.0.0.1:PORT"`,
  )
})

test('an interrupted download keeps the partial file', async () => {
  const abort = new AbortController()
  const { base } = await fileServer(contents, (bytes, _, response) => {
    response.writeHead(200, { 'content-length': bytes!.length })
    response.write(bytes!.subarray(0, 5000))
  })
  const path = join(temporaryFolder(), 'file.part')
  const pending = download({
    url: `${base}file.bin`,
    path,
    signal: abort.signal,
    onProgress: () => abort.abort(),
  })
  await expect(pending).rejects.toThrow('aborted')
  expect(readFileSync(path).length).toBe(5000)
})

test('the default handler of these tests serves ranges', async () => {
  const { base } = await fileServer(contents, serveRange)
  const response = await fetch(`${base}file.bin`, { headers: { range: 'bytes=299990-' } })
  expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([206, 10])
})
