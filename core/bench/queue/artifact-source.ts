/** In a worker: finds artifacts in the cache, a shared directory, or at a coordinator. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { RunError } from '../../base/errors.ts'
import type { ArtifactFolder } from './artifacts.ts'

/** Where a worker looks. */
export interface ArtifactPlaces {
  /** The worker's own directory, which keeps what it fetched. */
  readonly cache: ArtifactFolder
  /** A directory that all machines share. */
  readonly shared: ArtifactFolder | undefined
  /** URLs of the coordinators that are present. */
  urls(): Promise<readonly string[]>
  readonly token: string | undefined
}

/** How long one transfer may take, in ms. */
const transferMs = 600_000

/**
 * Finds an artifact.
 * @param what it is, for messages: `the data set cifar10`
 * @returns its path on this machine
 * @throws RunError ROBENCH_STORE if no place has it
 */
export async function findArtifact(
  sha256: string,
  what: string,
  places: ArtifactPlaces,
): Promise<string> {
  const { cache, shared } = places
  const near = cache.find(sha256)
  if (near !== undefined) return near
  const reasons: string[] = []
  const common = shared?.find(sha256)
  if (shared && common !== undefined) {
    // Whoever can write there can change it: the copy is checked.
    try {
      return await cache.receive(createReadStream(common), sha256)
    } catch (error) {
      reasons.push(`${shared.folder}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  for (const url of await places.urls()) {
    try {
      return await download(url, sha256, places)
    } catch (error) {
      reasons.push(`${url}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const tried = reasons.length > 0 ? ` (${reasons.join('; ')})` : ''
  throw new RunError('ROBENCH_STORE', `${what} is not available here${tried}`)
}

/**
 * Gives an artifact to the coordinators: in the shared directory, or to each of them over HTTP.
 * @throws RunError ROBENCH_STORE if nobody takes it
 */
export async function offerArtifact(
  path: string,
  sha256: string,
  places: ArtifactPlaces,
): Promise<void> {
  if (places.shared) return places.shared.addFile(path, sha256)
  const reasons: string[] = []
  let taken = false
  for (const url of await places.urls()) {
    try {
      await upload(url, path, sha256, places.token)
      taken = true
    } catch (error) {
      reasons.push(`${url}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (taken) return
  const tried = reasons.join('; ') || 'none is present'
  throw new RunError('ROBENCH_STORE', `no coordinator takes the artifact ${sha256} (${tried})`)
}

async function download(
  url: string,
  sha256: string,
  { cache, token }: ArtifactPlaces,
): Promise<string> {
  const response = await fetch(`${url}/artifacts/${sha256}`, {
    headers: authorization(token),
    redirect: 'error',
    signal: AbortSignal.timeout(transferMs),
  })
  if (!response.ok || !response.body) throw new Error(statusText(response.status))
  return cache.receive(Readable.fromWeb(response.body), sha256)
}

async function upload(
  url: string,
  path: string,
  sha256: string,
  token: string | undefined,
): Promise<void> {
  const { size } = await stat(path)
  const response = await fetch(`${url}/artifacts/${sha256}`, {
    method: 'PUT',
    headers: { ...authorization(token), 'content-length': String(size) },
    body: Readable.toWeb(createReadStream(path)) as ReadableStream,
    // Node requires it for a body that is a stream.
    duplex: 'half',
    redirect: 'error',
    signal: AbortSignal.timeout(transferMs),
  })
  if (!response.ok) throw new Error(statusText(response.status))
}

function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

function statusText(status: number): string {
  if (status === 401) return 'the token is missing or wrong'
  return status === 404 ? 'it does not have it' : `it answers with status ${status}`
}
