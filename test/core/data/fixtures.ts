/** Builders for data tests: temporary directories, small files in each format, a file server. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { decodeIdxPair } from '../../../core/data/formats/idx.ts'
import type { NamedBytes, PublishedDataset, PublishedFile } from '../../../core/data/published.ts'

/** Creates a directory that is deleted after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'robench-data-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `code: message` of the error that an action throws, with paths replaced by their names. */
export async function errorOf(
  action: () => unknown,
  names: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (!(error instanceof Error)) return `no Error: ${String(error)}`
    let text = 'code' in error ? `${String(error.code)}: ${error.message}` : error.message
    for (const [name, value] of Object.entries(names)) text = text.replaceAll(value, name)
    return text
  }
  return 'nothing thrown'
}

export function named(bytes: Uint8Array, path = 'FILE'): NamedBytes {
  return { path, bytes }
}

/** An IDX file of unsigned bytes. */
export function idxFile(
  shape: readonly number[],
  data: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0x0800 | shape.length)
  shape.forEach((length, axis) => view.setUint32(4 + 4 * axis, length))
  bytes.set(data, 4 + 4 * shape.length)
  return bytes
}

/** A variable of a MAT-file; `data` has the type in which it is stored. */
export interface MatVariable {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array | Float64Array
  /** The array's class; default 6, double. */
  readonly arrayClass?: number
}

/** A little-endian MATLAB version 5 file, written from the format specification. */
export function matFile(
  variables: readonly MatVariable[],
  options: { readonly compressed?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(128).fill(32)
  header.set(new TextEncoder().encode('MATLAB 5.0 MAT-file, made for a test'))
  header.set([0x00, 0x01], 124)
  header.set(new TextEncoder().encode('IM'), 126)
  const parts: Uint8Array[] = [header]
  for (const variable of variables) {
    const matrix = matElement(14, matBody(variable))
    parts.push(options.compressed ? matElement(15, deflateSync(matrix), false) : matrix)
  }
  return joined(parts)
}

function matBody({ name, shape, data, arrayClass = 6 }: MatVariable): Uint8Array {
  return joined([
    matElement(6, bytesOf(Uint32Array.of(arrayClass, 0))),
    matElement(5, bytesOf(Int32Array.from(shape))),
    matElement(1, new TextEncoder().encode(name)),
    matElement(storageCode(data), bytesOf(data)),
  ])
}

function storageCode(data: MatVariable['data']): number {
  if (data instanceof Uint8Array) return 2
  if (data instanceof Int16Array) return 3
  if (data instanceof Uint16Array) return 4
  if (data instanceof Int32Array) return 5
  return data instanceof Float32Array ? 7 : 9
}

/** A tag and a body padded to 8 bytes. As in MATLAB, a body of 1 to 4 bytes is part of the tag. */
function matElement(type: number, body: Uint8Array, padded = true): Uint8Array {
  if (body.length > 0 && body.length <= 4) {
    const packed = new Uint8Array(8)
    new DataView(packed.buffer).setUint32(0, (body.length << 16) | type, true)
    packed.set(body, 4)
    return packed
  }
  const size = padded ? Math.ceil(body.length / 8) * 8 : body.length
  const bytes = new Uint8Array(8 + size)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, body.length, true)
  bytes.set(body, 8)
  return bytes
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let offset = 0
  for (const part of parts) {
    result.set(part, offset)
    offset += part.length
  }
  return result
}

/** A small published data set: 3 training and 2 test images in Fashion-MNIST's format, unpacked. */
export function tinyDataset(changes: Partial<PublishedDataset> = {}): {
  readonly dataset: PublishedDataset
  readonly contents: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
} {
  const image = (n: number): number[] => Array.from({ length: 784 * n }, (_, i) => i % 251)
  const contents = new Map([
    ['train-images', idxFile([3, 28, 28], image(3))],
    ['train-labels', idxFile([3], [0, 9, 4])],
    ['test-images', idxFile([2, 28, 28], image(2))],
    ['test-labels', idxFile([2], [7, 1])],
  ])
  const file = (name: string): PublishedFile => ({
    name,
    bytes: contents.get(name)!.length,
    digest: {
      algorithm: 'sha256',
      value: createHash('sha256').update(contents.get(name)!).digest('hex'),
    },
  })
  const dataset: PublishedDataset = {
    id: 'tiny',
    title: 'Tiny',
    license: 'none',
    citation: 'none',
    homepage: 'https://example.org/',
    shape: [1, 28, 28],
    classNames: Array.from({ length: 10 }, (_, label) => String(label)),
    counts: { train: 3, test: 2 },
    files: {
      train: [file('train-images'), file('train-labels')],
      test: [file('test-images'), file('test-labels')],
    },
    decode: decodeIdxPair,
    sources: [],
    archives: [],
    offline: 'ask a friend',
    ...changes,
  }
  return { dataset, contents }
}

/** A local URL that refuses connections, with a trailing slash. */
export async function deadAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}/`
}

export interface FileServer {
  /** With a trailing slash. */
  readonly base: string
  /** `path range` of every request, in order. */
  readonly requests: string[]
}

export type Handler = (
  content: Uint8Array | undefined,
  request: IncomingMessage,
  response: ServerResponse,
) => void

/** Starts a local file server. The default `handler` sends the file or the requested range. */
export async function fileServer(
  contents: ReadonlyMap<string, Uint8Array>,
  handler: Handler = serveRange,
): Promise<FileServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push([request.url, request.headers.range].filter(Boolean).join(' '))
    handler(contents.get((request.url ?? '').slice(1)), request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { base: `http://127.0.0.1:${port}/`, requests }
}

export const serveRange: Handler = (content, request, response) => {
  if (!content) {
    response.writeHead(404).end()
    return
  }
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  if (start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  const range = `bytes ${start}-${content.length - 1}/${content.length}`
  const headers = { 'content-length': content.length - start }
  if (start > 0) response.writeHead(206, { ...headers, 'content-range': range })
  else response.writeHead(200, headers)
  response.end(content.subarray(start))
}

/** Two gray PNG files, 10 20 and 30 40, labels 1 and 0: written by pyarrow with zstd. */
export const parquetSample =
  'UEFSMRUEFaACFc4BTBUEFQASAAAotS/9IJD1AgBEBUQAAACJUE5HDQoaCgAAAA1JSERSAAAAAgAAAAEIAAAAANFJIFYA' +
  'AAALSURBVHicY+ASAQAAKwAfl2yHJQAAAABJRU5ErkJggpDTAAAAZwBHhjr8TQIAwCXSEgUzFQAVEhUkLBUEFRAVBhUG' +
  'HAAAACi1L/0gCUkAAAIAAAAEAgEDAhUEFQAVEkwVABUAEgAAKLUv/SAAAQAAFQAVDhUgLBUEFRAVBhUGHAAAACi1L/0g' +
  'BzkAAAIAAAAEAQAVBBUgFSJMFQQVABIAACi1L/0gEEUAABABAAEAMsACFQAVEhUkLBUEFRAVBhUGHAAAACi1L/0gCUkA' +
  'AAIAAAAEAQEDAhUEGVw1ABgGc2NoZW1hFQQANQIYBWltYWdlFQQAFQwlAhgFYnl0ZXMAFQwlAhgEcGF0aCUATBwAAAAV' +
  'BCUCGAVsYWJlbAAWBBkcGTwmABwVDBk1AAYQGSgFaW1hZ2UFYnl0ZXMVDBYEFvgCFrgCJvYBJggpLBUEFQAVAgAVABUQ' +
  'FQIAPBaQAhkGGTYAAAQAAAAmABwVDBk1AAYQGSgFaW1hZ2UEcGF0aBUMFgQWUBZ0Ju4CJsACKSwVBBUAFQIAFQAVEBUC' +
  'ADwWABkGGTYABAAAAAAmABwVBBk1AAYQGRgFbGFiZWwVDBYEFnQWiAEm8gMmtAMpLBUEFQAVAgAVABUQFQIAPCkGGSYA' +
  'BAAAABa8BBYEJggWtAQAGSwYC2h1Z2dpbmdmYWNlGEx7ImluZm8iOnsiZmVhdHVyZXMiOnsibGFiZWwiOnsibmFtZXMi' +
  'OlsiY2F0IiwiZG9nIl0sIl90eXBlIjoiQ2xhc3NMYWJlbCJ9fX19ABgMQVJST1c6c2NoZW1hGKAELy8vLy81QUJBQUFR' +
  'QUFBQUFBQUtBQTRBQmdBRkFBZ0FDZ0FBQUFBQkJBQVFBQUFBQUFBS0FBd0FBQUFFQUFnQUNnQUFBSWdBQUFBRUFBQUFB' +
  'UUFBQUF3QUFBQUlBQXdBQkFBSUFBZ0FBQUJjQUFBQUJBQUFBRXdBQUFCN0ltbHVabThpT25zaVptVmhkSFZ5WlhNaU9u' +
  'c2liR0ZpWld3aU9uc2libUZ0WlhNaU9sc2lZMkYwSWl3aVpHOW5JbDBzSWw5MGVYQmxJam9pUTJ4aGMzTk1ZV0psYkNK' +
  'OWZYMTlBQUFBQUFzQUFBQm9kV2RuYVc1blptRmpaUUFDQUFBQVFBQUFBQVFBQUFCdy8vLy9BQUFCQWhBQUFBQWdBQUFB' +
  'QkFBQUFBQUFBQUFGQUFBQWJHRmlaV3dBQUFBSUFBd0FDQUFIQUFnQUFBQUFBQUFCUUFBQUFLai8vLzhBQUFFTkdBQUFB' +
  'Q0FBQUFBRUFBQUFBZ0FBQUZBQUFBQVVBQUFBQlFBQUFHbHRZV2RsQUFBQW9QLy8vOWovLy84QUFBRUZFQUFBQUJnQUFB' +
  'QUVBQUFBQUFBQUFBUUFBQUJ3WVhSb0FBQUFBTWovLy84UUFCUUFDQUFHQUFjQURBQUFBQkFBRUFBQUFBQUFBUVFRQUFB' +
  'QUhBQUFBQVFBQUFBQUFBQUFCUUFBQUdKNWRHVnpBQUFBQkFBRUFBUUFBQUFBQUFBQQAYIHBhcnF1ZXQtY3BwLWFycm93' +
  'IHZlcnNpb24gMjYuMC4xGTwcAAAcAAAcAAAA1wMAAFBBUjE='

/** The picture of 11 × 7 pixels, written by Pillow with quality 60. */
export const jpegSample =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywt' +
  'QFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09P' +
  'T09PT09PT09PT09PT09PT09PT0//wAARCAAHAAsDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcI' +
  'CQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRol' +
  'JicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ip' +
  'qrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAA' +
  'AAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLR' +
  'ChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaX' +
  'mJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEA' +
  'PwCrpeixbE+RSSBn1/z/AI10MekwiNQ0Mecddo5oorrOU//Z'
