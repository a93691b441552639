/** Decodes PNG and JPEG files to 8-bit pixels, within bounds on their size. */
import { readFile } from 'node:fs/promises'
import type decode from '@jsquash/jpeg/decode.js'
import { resolve as resolveModule } from 'import-meta-resolve'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../../base/errors.ts'
import { maxImageFileBytes, maxImagePixels } from '../limits.ts'
import { decodePng, readPngHead } from './png.ts'
import type { PngHead } from './png.ts'
import type { Picture } from './settings.ts'

/** File name extensions of images, in lower case. */
export const imageExtensions: readonly string[] = ['.png', '.jpg', '.jpeg']

/** What the head of an image file says. */
interface ImageHead {
  /** Absent for JPEG. */
  readonly png?: PngHead
  readonly width: number
  readonly height: number
  /** 1 for gray images. */
  readonly channels: 1 | 3
}

/**
 * Decodes an image. JPEG files are decoded by the decoder of Mozilla's JPEG library, compiled to
 * WebAssembly: the same bytes on every machine. Transparency, orientation, and color profiles are
 * ignored, as torchvision does.
 * @param path for messages
 * @throws ConfigError ROBENCH_DATA: neither PNG nor JPEG, damaged, more than 8 bits per channel,
 * CMYK, or too large
 */
export async function decodeImage(bytes: Uint8Array, path: string): Promise<Picture> {
  if (bytes.length > maxImageFileBytes) {
    throw refused(path, `expected at most ${maxImageFileBytes / 2 ** 20} MiB`)
  }
  const head = pngHead(bytes, path) ?? readJpegHead(bytes, path)
  if (!head) throw refused(path, 'expected a PNG or JPEG image')
  const { png, width, height, channels } = head
  if (!(width > 0 && height > 0) || width * height > maxImagePixels) {
    throw refused(path, `expected 1 to ${maxImagePixels} pixels, got ${width} × ${height}`)
  }
  try {
    const data = png ? decodePng(bytes, png) : await decodeJpegBytes(bytes)
    if (data.length !== 4 * width * height) throw new Error('it ends too early')
    return { width, height, channels, data: withoutAlpha(data, channels) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw refused(path, `cannot be decoded (${reason}): truncated or damaged`, error)
  }
}

function pngHead(bytes: Uint8Array, path: string): ImageHead | undefined {
  const png = readPngHead(bytes)
  if (!png) return undefined
  const { width, height, depth, color } = png
  if (depth > 8) throw refused(path, `expected 8 bits per channel, got ${depth}`)
  return { png, width, height, channels: color === 0 || color === 4 ? 1 : 3 }
}

/** Segments that state the size of a JPEG image: SOF0 to SOF15, without DHT, JPG, and DAC. */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
}

/** Scans of a progressive image: usual encoders write 10, and each takes a pass over all pixels. */
const mostScans = 100

function requireFewScans(bytes: Uint8Array, path: string): void {
  let scans = 0
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    // In the data of a scan, another byte follows 0xff.
    if (bytes[at + 1] === 0xda) scans++
  }
  if (scans > mostScans) throw refused(path, `expected at most ${mostScans} scans, got ${scans}`)
}

function readJpegHead(bytes: Uint8Array, path: string): ImageHead | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 2; at + 9 < bytes.length;) {
    const marker = bytes[at + 1]!
    if (bytes[at] !== 0xff) break
    if (marker === 0xff) at += 1
    else if (isStartOfFrame(marker)) {
      const [depth, components] = [bytes[at + 4]!, bytes[at + 9]!]
      if (depth !== 8) throw refused(path, `expected 8 bits per channel, got ${depth}`)
      if (components !== 1 && components !== 3) {
        throw refused(path, `expected a gray or RGB image, got ${components} color components`)
      }
      requireFewScans(bytes, path)
      return {
        width: view.getUint16(at + 7),
        height: view.getUint16(at + 5),
        channels: components,
      }
    } else at += 2 + view.getUint16(at + 2)
  }
  throw refused(path, 'cannot be decoded (no frame): truncated or damaged')
}

/** The decoder, compiled when the first image needs it. */
let ready: Promise<typeof decode> | undefined

async function decodeJpegBytes(bytes: Uint8Array): Promise<ArrayLike<number>> {
  ready ??= startJpegDecoder()
  const decodeJpeg = await ready
  const { buffer, byteOffset, byteLength } = bytes
  // A copy, because the bytes may be a view of a larger buffer.
  const image = await decodeJpeg(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
  return image.data
}

/** The package fetches its WebAssembly by URL, which Node does not support for files. */
async function startJpegDecoder(): Promise<typeof decode> {
  const { default: decodeJpeg, init } = await import('@jsquash/jpeg/decode.js')
  const url = resolveModule('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm', import.meta.url)
  const wasmBinary = await readFile(fileURLToPath(url))
  await init({ wasmBinary } as Parameters<typeof init>[0])
  return decodeJpeg
}

/** RGBA values as RGB, or as the first channel of gray images. */
function withoutAlpha(data: ArrayLike<number>, channels: 1 | 3): Uint8Array {
  const pixels = data.length / 4
  const kept = new Uint8Array(pixels * channels)
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < channels; c++) kept[i * channels + c] = data[4 * i + c]!
  }
  return kept
}

function refused(path: string, problem: string, cause?: unknown): ConfigError {
  return new ConfigError('ROBENCH_DATA', `${path}: ${problem}`, { cause })
}
