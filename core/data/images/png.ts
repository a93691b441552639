/** Decodes PNG files of a size that their head states, within bounds. */
import { constants, inflateSync } from 'node:zlib'
import { PNG } from 'pngjs'

/** What the head of a PNG file says. */
export interface PngHead {
  readonly width: number
  readonly height: number
  /** Bits per channel. */
  readonly depth: number
  /** 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGBA. */
  readonly color: number
  readonly interlaced: boolean
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** The head of a file; undefined if it is not a PNG file. */
export function readPngHead(bytes: Uint8Array): PngHead | undefined {
  if (bytes.length < 33 || signature.some((byte, i) => bytes[i] !== byte)) return undefined
  const view = viewOf(bytes)
  if (view.getUint32(8) !== 13 || typeAt(bytes, 12) !== 'IHDR') return undefined
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    depth: bytes[24]!,
    color: bytes[25]!,
    interlaced: bytes[28] !== 0,
  }
}

/**
 * Decodes a file to RGBA values.
 * @param head of this file, of at most `maxImagePixels`
 * @throws Error if it is damaged, or has more pixels than its head says
 */
export function decodePng(bytes: Uint8Array, head: PngHead): Uint8Array {
  checkChunks(bytes)
  // The decoder inflates other images up to their size only.
  if (head.interlaced) checkInterlaced(bytes, head)
  const image = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  return image.data
}

/** The decoder takes the last of several heads, so there may be only one. */
function checkChunks(bytes: Uint8Array): void {
  let heads = 0
  for (const { type } of chunksOf(bytes)) if (type === 'IHDR') heads++
  if (heads !== 1) throw new Error('it has several heads')
}

/** Inflates the pixels once more, with a limit. */
function checkInterlaced(bytes: Uint8Array, { width, height }: PngHead): void {
  const parts = [...chunksOf(bytes)].flatMap(({ type, data }) => (type === 'IDAT' ? [data] : []))
  // Seven passes: each row has a filter byte, and at most 4 bytes a pixel.
  const most = 4 * width * height + 7 * (height + 1)
  inflateSync(Buffer.concat(parts), {
    maxOutputLength: most,
    finishFlush: constants.Z_SYNC_FLUSH,
  })
}

function* chunksOf(bytes: Uint8Array): Generator<{ type: string; data: Uint8Array }> {
  const view = viewOf(bytes)
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at)
    yield { type: typeAt(bytes, at + 4), data: bytes.subarray(at + 8, at + 8 + length) }
    at += 12 + length
  }
}

function typeAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
