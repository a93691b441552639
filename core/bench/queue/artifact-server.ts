/** Serves artifacts by hash over HTTP, and receives those that workers make. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { pipeline } from 'node:stream/promises'
import { ConfigError, RunError } from '../../base/errors.ts'
import { isSha256, mostBytes } from './artifacts.ts'
import type { ArtifactFolder } from './artifacts.ts'
import { isLoopback } from './connection.ts'

/** Where to listen. */
export interface ListenAddress {
  readonly host: string
  /** 0 chooses a free port. */
  readonly port: number
}

/** How to serve. */
export interface ArtifactServerOptions {
  readonly address: ListenAddress
  /** Required unless only this machine can connect. */
  readonly token: string | undefined
  /** Path of an artifact of this machine; undefined if it has none. */
  find(sha256: string): string | undefined
  /** Holds received artifacts. */
  readonly received: ArtifactFolder
}

/** A running server. */
export interface ArtifactServer {
  /** `http://host:port`, as other machines reach it. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Parses `host:port`, `host`, or `:port`.
 * @throws ConfigError
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(\[[0-9a-fA-F:]+\]|[\w.-]*)(?::(\d{1,5}))?$/.exec(text)
  const port = Number(match?.[2] ?? 0)
  if (!match || text === '' || port > 65_535) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--serve: expected host:port, such as 0.0.0.0:7070; got ${JSON.stringify(text)}`,
    )
  }
  const host = match[1]!.replace(/^\[(.*)\]$/, '$1')
  return { host: host === '' ? '0.0.0.0' : host, port }
}

/**
 * Starts a server.
 * @throws ConfigError without a token if other machines can connect; RunError ROBENCH_QUEUE if the
 * address is not available
 */
export async function serveArtifacts(options: ArtifactServerOptions): Promise<ArtifactServer> {
  const { host, port } = options.address
  if (!isLoopback(host) && options.token === undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--serve ${host}: other machines can connect, so a token is required; set ` +
        'ROBENCH_QUEUE_TOKEN to the same secret here and on the workers',
    )
  }
  const server = createServer((request, response) => {
    answer(request, response, options).catch(() => response.destroy())
  })
  // Of an idle connection; a large file may take long.
  server.headersTimeout = 10_000
  server.requestTimeout = 600_000
  await listen(server, host, port)
  const bound = server.address() as AddressInfo
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host
  return {
    url: `http://${name.includes(':') ? `[${name}]` : name}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `--serve ${host}:${port}: cannot listen: ${cause.message}`
      reject(new RunError('ROBENCH_QUEUE', message, { cause }))
    })
    server.listen(port, host, () => resolve())
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { token, find, received }: ArtifactServerOptions,
): Promise<void> {
  const end = (status: number): void => {
    request.resume()
    response.writeHead(status).end()
  }
  if (!isAllowed(request.headers.authorization, token)) return end(401)
  const sha256 = /^\/artifacts\/([0-9a-f]{64})$/.exec(request.url ?? '')?.[1]
  if (sha256 === undefined || !isSha256(sha256)) return end(404)
  if (request.method === 'PUT') {
    if (Number(request.headers['content-length'] ?? 0) > mostBytes) return end(413)
    try {
      await received.receive(request, sha256)
      return end(204)
    } catch {
      return end(422)
    }
  }
  const path = find(sha256)
  if (request.method !== 'GET' || path === undefined) return end(404)
  const { size } = await stat(path)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
  await pipeline(createReadStream(path), response)
}

/** Compares hashes, so that the time does not depend on where the texts differ. */
function isAllowed(header: string | undefined, token: string | undefined): boolean {
  if (token === undefined) return true
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`))
}
