/** Unpacks some files of a compressed tarball, within bounds on their sizes. */
import { createReadStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar'
import type { ReadEntry } from 'tar'
import { ConfigError } from '../../base/errors.ts'
import { maxArchiveBytes } from '../limits.ts'

/** What to unpack. */
export interface TarRequest {
  /** The tarball, compressed with gzip. */
  readonly path: string
  /** Directory for the files. Nothing is written outside of it. */
  readonly work: string
  /** Leading directories that are removed from the names. */
  readonly strip: number
  /** Largest size of a file with this path, in bytes; undefined skips it. */
  mostBytes(path: string): number | undefined
  /** Bytes that the whole tarball may expand to; default: `maxArchiveBytes`. */
  readonly limit?: number
}

/**
 * Unpacks regular files only: links and devices are skipped.
 * @throws ConfigError ROBENCH_DATA if it is damaged, or if a file or the tarball as a whole is too
 * large; errors of the file system
 */
export async function unpackTar(request: TarRequest): Promise<void> {
  const { path, work, strip, limit = maxArchiveBytes } = request
  let expanded = 0
  const counter = new Transform({
    transform(piece: Buffer, _encoding, done) {
      expanded += piece.length
      if (expanded <= limit) done(null, piece)
      else done(tooLarge(path, `expands to more than ${limit} bytes`))
    },
  })
  let refusal: ConfigError | undefined
  const writer = extract({
    cwd: work,
    strip,
    filter(name, entry) {
      const most = request.mostBytes(name)
      // Extraction passes entries of the archive, not of a directory.
      const { size, type } = entry as ReadEntry
      const isFile = type === 'File' || type === 'OldFile'
      if (most === undefined || !isFile) return false
      if (size <= most) return true
      refusal = tooLarge(path, `${name} has ${size} bytes, expected at most ${most}`)
      return false
    },
  })
  try {
    await pipeline(createReadStream(path), createGunzip(), counter, writer)
  } catch (error) {
    throw isFormatError(error) ? damaged(path, error) : error
  }
  if (refusal) throw refusal
}

/** Whether zlib or the reader of tarballs complains, not the disk. */
function isFormatError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^(Z|TAR)_/.test(String(error.code))
}

function damaged(path: string, cause: Error): ConfigError {
  return new ConfigError(
    'ROBENCH_DATA',
    `${path}: cannot be unpacked (${cause.message}): truncated or damaged`,
    { cause },
  )
}

function tooLarge(path: string, problem: string): ConfigError {
  return new ConfigError('ROBENCH_DATA', `${path}: ${problem}; it is not the published archive`)
}
