/** Published data sets: files with checksums, how to decode them, and where to get them. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import type { Split } from './dataset.ts'
import type { LabeledPixels } from './memory-dataset.ts'

/** Bytes with their path, for errors. */
export interface NamedBytes {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * One file as published. Files whose names end in `.gz` are stored compressed; size and digest are
 * those of the uncompressed content, because gzip headers differ between sources.
 */
export interface PublishedFile {
  readonly name: string
  readonly bytes: number
  readonly digest: Digest
}

/** A hexadecimal checksum: sha256, or the publisher's md5 if no sha256 is known. */
export interface Digest {
  readonly algorithm: 'sha256' | 'md5'
  readonly value: string
}

/** A data set that robench can download. */
export interface PublishedDataset {
  readonly id: string
  readonly title: string
  /** The license, or the terms if there is none. */
  readonly license: string
  readonly citation: string
  readonly homepage: string
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  readonly classNames: readonly string[]
  readonly counts: Readonly<Record<Split, number>>
  /** In the order that `decode` expects. */
  readonly files: Readonly<Record<Split, readonly PublishedFile[]>>
  /** Decodes the files of one split. @throws ConfigError ROBENCH_DATA */
  decode(files: readonly NamedBytes[]): LabeledPixels
  /** Tried in this order. */
  readonly sources: readonly DataSource[]
  /** Archives that contain the files, for `--from`. */
  readonly archives: readonly Archive[]
  /** How to get the files manually, without a connection. */
  readonly offline: string
}

/** Advice for machines without a connection, as a sentence. */
export function offlineAdvice({ id, offline }: PublishedDataset): string {
  return (
    `Offline: ${offline}; copy the files into a directory on this machine, ` +
    `and run \`robench data pull ${id} --from DIRECTORY\`.`
  )
}

/** A place that files can come from. */
export interface DataSource {
  /** A URL, package or directory, for messages. */
  readonly title: string
  /** Passes every file of `context.needed` to `context.keep`. @throws with the reason */
  provide(context: PullContext): Promise<void>
}

/** A file that contains the files of a data set in another form. */
export interface Archive {
  readonly name: string
  /** Passes every needed file in the archive to `context.keep`. */
  unpack(path: string, context: PullContext): Promise<void>
}

/** The context of a source. */
export interface PullContext {
  /** The data set's directory, also for work files: the last step renames on one disk. */
  readonly folder: string
  readonly needed: readonly PublishedFile[]
  /** Verifies a file in `folder` and renames it into place; deletes it and throws if invalid. */
  keep(file: PublishedFile, path: string): Promise<void>
  report(progress: StepProgress): void
  readonly signal: AbortSignal | undefined
}

/** Progress of one step of a source. */
export interface StepProgress {
  readonly step: string
  /** In bytes; `total` is absent while unknown. */
  readonly done: number
  readonly total?: number
}

/** The content of a published file, or why it is invalid. */
export type Inspection =
  | { readonly state: 'right'; readonly content: NamedBytes }
  | { readonly state: 'missing' }
  | { readonly state: 'wrong'; readonly problem: string }

/** Reads a file, decompresses it if it ends in `.gz`, and verifies size and checksum. */
export async function inspectFile(path: string, file: PublishedFile): Promise<Inspection> {
  let bytes: Uint8Array
  try {
    const stats = await stat(path)
    if (!stats.isFile()) return { state: 'wrong', problem: 'is not a file' }
    // Compressed, it is not much larger than its content.
    if (stats.size > 2 * file.bytes + 4096) {
      return { state: 'wrong', problem: `got ${stats.size} bytes: another file` }
    }
    bytes = await readFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { state: 'missing' }
    return { state: 'wrong', problem: `cannot be read (${message})` }
  }
  if (file.name.endsWith('.gz')) {
    try {
      bytes = gunzipSync(bytes, { maxOutputLength: file.bytes })
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
        return { state: 'wrong', problem: `expands to more than ${file.bytes} bytes: another file` }
      }
      const reason = error instanceof Error ? error.message : String(error)
      return {
        state: 'wrong',
        problem: `cannot be unpacked (${reason}): truncated or not a gzip file`,
      }
    }
  }
  if (bytes.length !== file.bytes) {
    const kind = bytes.length < file.bytes ? 'truncated' : 'another file'
    return { state: 'wrong', problem: `expected ${file.bytes} bytes, got ${bytes.length}: ${kind}` }
  }
  const { algorithm, value } = file.digest
  const got = createHash(algorithm).update(bytes).digest('hex')
  if (got !== value) {
    return {
      state: 'wrong',
      problem: `expected ${algorithm} ${value}, got ${got}: damaged or another file`,
    }
  }
  return { state: 'right', content: { path, bytes } }
}
