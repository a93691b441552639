/** What a published data set is: its files with their checksums, how to decode them, and where to get them. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import type { Split } from './dataset.ts'
import type { LabeledPixels } from './memory-dataset.ts'

/** Bytes with the path that errors name. */
export interface NamedBytes {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * One file as published. A name that ends in `.gz` is stored so; size and digest are those of its
 * unpacked content, because the same pixels are published under different gzip headers.
 */
export interface PublishedFile {
  readonly name: string
  readonly bytes: number
  readonly digest: Digest
}

/** A checksum: sha256, or the md5 that the publisher gave where no sha256 is known. Hexadecimal. */
export interface Digest {
  readonly algorithm: 'sha256' | 'md5'
  readonly value: string
}

export interface PublishedDataset {
  readonly id: string
  readonly title: string
  /** The licence, or the terms where there is none. */
  readonly license: string
  readonly citation: string
  readonly homepage: string
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  readonly classNames: readonly string[]
  readonly counts: Readonly<Record<Split, number>>
  /** In the order in which `decode` takes them. */
  readonly files: Readonly<Record<Split, readonly PublishedFile[]>>
  /** Decodes the files of one split. @throws ConfigError ROBENCH_DATA */
  decode(files: readonly NamedBytes[]): LabeledPixels
  /** Tried in this order. */
  readonly sources: readonly DataSource[]
  /** Archives that hold the files, for `--from`. */
  readonly archives: readonly Archive[]
  /** How to get the files by hand, for people without a connection. */
  readonly offline: string
}

/** What to do without a connection, as a sentence. */
export function offlineAdvice({ id, offline }: PublishedDataset): string {
  return `Offline: ${offline}; copy what you got into a folder here, and run \`robench data pull ${id} --from FOLDER\`.`
}

/** A place that files can come from. */
export interface DataSource {
  /** For people: an address, a package, a folder. */
  readonly title: string
  /** Hands every file of `context.needed` to `context.keep`. Throws, with the reason, if it cannot. */
  provide(context: PullContext): Promise<void>
}

/** A file that holds the files of a data set in another form. */
export interface Archive {
  readonly name: string
  /** Hands every needed file that the archive holds to `context.keep`. */
  unpack(path: string, context: PullContext): Promise<void>
}

/** What a source gets to work with. */
export interface PullContext {
  /** The data set's folder; work files go here, so that the last step is a rename on the same disk. */
  readonly folder: string
  readonly needed: readonly PublishedFile[]
  /** Checks a finished file in `folder` and renames it into place. Deletes it and throws if it is wrong. */
  keep(file: PublishedFile, path: string): Promise<void>
  report(progress: StepProgress): void
  readonly signal: AbortSignal | undefined
}

export interface StepProgress {
  readonly step: string
  /** In bytes; `total` is absent while unknown. */
  readonly done: number
  readonly total?: number
}

/** The content of a published file, or what is wrong with it. */
export type Inspection =
  | { readonly state: 'right'; readonly content: NamedBytes }
  | { readonly state: 'missing' }
  | { readonly state: 'wrong'; readonly problem: string }

/** Reads a file, unpacks it if its published name ends in `.gz`, and checks size and checksum. */
export async function inspectFile(path: string, file: PublishedFile): Promise<Inspection> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { state: 'missing' }
    return { state: 'wrong', problem: `cannot be read (${message})` }
  }
  if (file.name.endsWith('.gz')) {
    try {
      bytes = gunzipSync(bytes)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return {
        state: 'wrong',
        problem: `cannot be unpacked (${reason}): truncated or no gzip file`,
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
