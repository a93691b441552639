/** Downloads a URL into a file, and resumes partial downloads (HTTP Range). */
import { open, rm, stat } from 'node:fs/promises'
import { RobenchError, RunError } from '../base/errors.ts'
import { writing } from './disk-error.ts'

/** A download: its URL, file, and limits. */
export interface DownloadOptions {
  readonly url: string
  /** The file to append to; bytes that it already contains are not downloaded again. */
  readonly path: string
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Until the server responds; default 15,000. */
  readonly connectTimeoutMs?: number
  /** Between two chunks of the body; default 30,000. */
  readonly stallTimeoutMs?: number
}

/** Attempts after dropped connections, as long as each one receives data. */
const tries = 4

/**
 * Downloads to `path`. `resumed` is true if bytes of an earlier call were reused.
 * @throws RunError ROBENCH_DATA_UNAVAILABLE with the reason; ROBENCH_STORE if the disk fails
 */
export async function download(options: DownloadOptions): Promise<{ readonly resumed: boolean }> {
  const before = await sizeOf(options.path)
  for (let attempt = 1; ; attempt++) {
    const start = await sizeOf(options.path)
    try {
      const from = await fetchRest(options, start)
      return { resumed: before > 0 && from > 0 }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (error instanceof RobenchError) throw error
      const gained = (await sizeOf(options.path)) > start
      if (gained && attempt < tries) continue
      throw new RunError('ROBENCH_DATA_UNAVAILABLE', `${options.url}: ${reasonOf(error)}`, {
        cause: error,
      })
    }
  }
}

/** Fetches from byte `start`, or from 0 if the server has no ranges. Returns the first byte. */
async function fetchRest(options: DownloadOptions, start: number): Promise<number> {
  const {
    url,
    path,
    onProgress,
    signal,
    connectTimeoutMs = 15_000,
    stallTimeoutMs = 30_000,
  } = options
  const idle = new AbortController()
  const expire = (ms: number, what: string): NodeJS.Timeout =>
    setTimeout(() => idle.abort(new Error(`${what} within ${ms / 1000} s`)), ms)
  let timer = expire(connectTimeoutMs, 'no response')
  try {
    const response = await fetch(url, {
      headers: {
        // No compression in transit: sizes and ranges are those of the file.
        'accept-encoding': 'identity',
        ...(start > 0 ? { range: `bytes=${start}-` } : {}),
      },
      signal: AbortSignal.any(signal ? [idle.signal, signal] : [idle.signal]),
    })
    clearTimeout(timer)
    timer = expire(stallTimeoutMs, 'no data')
    if (response.status === 416) {
      await response.body?.cancel()
      const whole = Number(/\*\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1])
      if (whole === start) return start
      await rm(path, { force: true })
      return await fetchRest(options, 0)
    }
    if (!response.ok || !response.body) {
      await response.body?.cancel()
      throw new RunError(
        'ROBENCH_DATA_UNAVAILABLE',
        `${url}: HTTP ${response.status} ${response.statusText}`.trimEnd(),
      )
    }
    const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')
    const from = response.status === 206 && Number(range?.[1]) === start ? start : 0
    if (response.status === 206 && from !== start) {
      await response.body.cancel()
      await rm(path, { force: true })
      return await fetchRest(options, 0)
    }
    const length = response.headers.get('content-length')
    const total = length === null ? undefined : from + Number(length)
    const file = await writing(path, () => open(path, from > 0 ? 'a' : 'w'))
    let done = from
    try {
      for await (const chunk of response.body) {
        timer.refresh()
        await writing(path, () => file.appendFile(chunk))
        done += chunk.length
        onProgress?.(done, total)
      }
    } finally {
      await file.close()
    }
    if (total !== undefined && done !== total) {
      throw new Error(`the connection closed after ${done} of ${total} bytes`)
    }
    return from
  } finally {
    clearTimeout(timer)
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}

/** The message of fetch is only "fetch failed"; the reason is its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return reasonOf(error.cause)
  const code = 'code' in error ? String(error.code) : ''
  return error.message || code || error.name
}
