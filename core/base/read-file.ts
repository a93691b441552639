/** Reads files that may be anything: of a known largest size, and only regular ones. */
import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { ConfigError } from './errors.ts'
import type { ErrorCode } from './errors.ts'

/** What a file may be. */
export interface ReadLimits {
  /** Of the errors. */
  readonly code: ErrorCode
  /** Largest size in bytes. */
  readonly mostBytes: number
  /** Name in errors; default: the path. */
  readonly name?: string
}

/**
 * Reads a text in UTF-8, with or without a byte order mark.
 * @throws ConfigError with the code of the limits: missing, a directory, a device or a pipe, too
 * large, or not UTF-8
 */
export function readText(path: string, limits: ReadLimits): string {
  const name = limits.name ?? path
  let bytes: Uint8Array
  try {
    requireFile(statSync(path), limits, name)
    bytes = readFileSync(path)
  } catch (cause) {
    throw unreadable(cause, limits.code, name)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new ConfigError(limits.code, `${name}: expected text in UTF-8`, { cause })
  }
}

/** Reads the bytes of a file. @throws ConfigError as `readText` */
export async function readBytes(path: string, limits: ReadLimits): Promise<Buffer> {
  const name = limits.name ?? path
  try {
    requireFile(await stat(path), limits, name)
    return await readFile(path)
  } catch (cause) {
    throw unreadable(cause, limits.code, name)
  }
}

/** @throws ConfigError for anything but a regular file of at most that size */
export function requireFile(stats: Stats, { code, mostBytes }: ReadLimits, name: string): void {
  // A device or a pipe may never end.
  if (!stats.isFile()) throw new ConfigError(code, `${name}: expected a file, got ${kindOf(stats)}`)
  if (stats.size <= mostBytes) return
  const most = mostBytes >= 2 ** 20 ? `${mostBytes / 2 ** 20} MiB` : `${mostBytes} bytes`
  throw new ConfigError(code, `${name}: expected at most ${most}, got ${stats.size} bytes`)
}

/** What is in place of a file, for messages: `a directory`, `a pipe`. */
export function kindOf(stats: Stats): string {
  if (stats.isFile()) return 'a file'
  if (stats.isDirectory()) return 'a directory'
  if (stats.isFIFO()) return 'a pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

/** The error for a file that cannot be read. */
function unreadable(cause: unknown, code: ErrorCode, name: string): ConfigError {
  if (cause instanceof ConfigError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
  return new ConfigError(
    code,
    `${name}: ${isMissing ? 'not found' : `cannot be read: ${reason}`}`,
    {
      cause,
    },
  )
}
