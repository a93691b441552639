/** Artifacts: by hash, from a server with a token, and never damaged. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { hashBytes } from '../../../../core/base/hash.ts'
import { findArtifact, offerArtifact } from '../../../../core/bench/queue/artifact-source.ts'
import type { ArtifactPlaces } from '../../../../core/bench/queue/artifact-source.ts'
import { serveArtifacts } from '../../../../core/bench/queue/artifact-server.ts'
import { ArtifactFolder } from '../../../../core/bench/queue/artifacts.ts'
import { temporaryFolder } from '../../../e2e/support/cli.ts'

const bytes = new TextEncoder().encode('a model')
const sha256 = hashBytes(bytes)
const loopback = { host: '127.0.0.1', port: 0 }

interface Served {
  readonly url: string
  readonly folder: ArtifactFolder
  /** A worker with an empty cache that knows this server. */
  worker(token?: string): ArtifactPlaces
}

async function serve(token?: string): Promise<Served> {
  const root = temporaryFolder()
  const folder = new ArtifactFolder(join(root, 'served'))
  const find = (wanted: string): string | undefined => folder.find(wanted)
  const server = await serveArtifacts({ address: loopback, token, find, received: folder })
  onTestFinished(() => server.close())
  return {
    url: server.url,
    folder,
    worker: (own) => ({
      cache: new ArtifactFolder(join(root, 'cache')),
      shared: undefined,
      urls: () => Promise.resolve([server.url]),
      token: own,
    }),
  }
}

test('a worker fetches an artifact, keeps it, and gives another back', async () => {
  const { folder, worker } = await serve('token')
  await folder.addBytes(bytes)
  const places = worker('token')
  const path = await findArtifact(sha256, 'the model', places)
  expect(readFileSync(path)).toEqual(Buffer.from(bytes))
  expect(path).toBe(places.cache.find(sha256))
  const made = join(temporaryFolder(), 'made')
  writeFileSync(made, 'made')
  const other = hashBytes(new TextEncoder().encode('made'))
  await offerArtifact(made, other, places)
  expect(readFileSync(folder.find(other)!, 'utf8')).toBe('made')
})

test('without the token nothing is read or written', async () => {
  const { folder, worker, url } = await serve('token')
  await folder.addBytes(bytes)
  for (const token of [undefined, 'wrong', '']) {
    await expect(findArtifact(sha256, 'the model', worker(token))).rejects.toThrow(
      `the model is not available here (${url}: the token is missing or wrong)`,
    )
  }
  const put = { method: 'PUT', body: 'x' }
  expect((await fetch(`${url}/artifacts/${hashBytes(Buffer.from('x'))}`, put)).status).toBe(401)
  expect(readdirSync(folder.folder)).toEqual([sha256])
})

test('only artifacts are served: no other path leads to a file', async () => {
  const { folder, url } = await serve()
  await folder.addBytes(bytes)
  const paths = [
    '/',
    '/artifacts/',
    '/artifacts/../../etc/passwd',
    '/artifacts/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    `/artifacts/${sha256}/`,
    `/artifacts/${sha256.toUpperCase()}`,
    `/artifacts/${'0'.repeat(64)}`,
  ]
  for (const path of paths) expect((await fetch(url + path)).status).toBe(404)
  expect((await fetch(`${url}/artifacts/${sha256}`, { method: 'DELETE' })).status).toBe(404)
  expect(await (await fetch(`${url}/artifacts/${sha256}`)).text()).toBe('a model')
})

test('other content than the hash says is refused in both directions', async () => {
  const { folder, worker, url } = await serve()
  const put = await fetch(`${url}/artifacts/${sha256}`, { method: 'PUT', body: 'another model' })
  expect(put.status).toBe(422)
  expect(readdirSync(folder.folder)).toEqual([])
  mkdirSync(folder.folder, { recursive: true })
  writeFileSync(join(folder.folder, sha256), 'another model')
  const places = worker()
  await expect(findArtifact(sha256, 'the model', places)).rejects.toThrow(
    `artifact ${sha256}: its content has sha256 ${hashBytes(Buffer.from('another model'))}`,
  )
  expect(readdirSync(places.cache.folder)).toEqual([])
})

test('a shared directory takes the place of a server', async () => {
  const { worker } = await serve()
  const shared = new ArtifactFolder(join(temporaryFolder(), 'shared'))
  await shared.addBytes(bytes)
  const places = { ...worker(), shared, urls: () => Promise.resolve([]) }
  // A copy of one's own, since others write there.
  const found = await findArtifact(sha256, 'the model', places)
  expect(found).toBe(places.cache.find(sha256))
  expect(new Uint8Array(readFileSync(found))).toEqual(new Uint8Array(bytes))
  writeFileSync(shared.find(sha256)!, 'another model')
  const elsewhere = { ...places, cache: new ArtifactFolder(temporaryFolder()) }
  await expect(findArtifact(sha256, 'the model', elsewhere)).rejects.toThrow(
    `${shared.folder}: artifact ${sha256}: its content has sha256 ${hashBytes(Buffer.from('another model'))}`,
  )
  const absent = findArtifact('0'.repeat(64), 'data set "a"', places)
  await expect(absent).rejects.toThrow('data set "a" is not available here')
  const name = shared.receive(Readable.from(['x']), '../x')
  await expect(name).rejects.toThrow('an artifact has no valid sha256')
})

test('outside loopback a token is required', async () => {
  const received = new ArtifactFolder(temporaryFolder())
  const open = { received, find: (): undefined => undefined }
  const address = { host: '0.0.0.0', port: 0 }
  await expect(serveArtifacts({ ...open, address, token: undefined })).rejects.toThrow(
    '--serve 0.0.0.0: other machines can connect, so a token is required; set ROBENCH_QUEUE_TOKEN',
  )
  const server = await serveArtifacts({ ...open, address, token: 'token' })
  await server.close()
})
