/** Files that travel between machines, named by the sha256 of their content. */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { copyFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Transform } from 'node:stream'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { makeFolder } from '../../base/make-folder.ts'
import { storeError, writeFileAtomic } from '../../base/atomic-file.ts'
import { RunError } from '../../base/errors.ts'
import { hashBytes } from '../../base/hash.ts'
import { cacheFolder } from '../../base/paths.ts'

/** The largest artifact that is received, in bytes. */
export const mostBytes = 8e9

const sha256Pattern = /^[0-9a-f]{64}$/

/** Whether a text is a sha256, and therefore safe as the name of a file. */
export function isSha256(text: string): boolean {
  return sha256Pattern.test(text)
}

/** A directory of artifacts. Files appear whole, and only after their hash was checked. */
export class ArtifactFolder {
  readonly folder: string

  /** @param folder default: `artifacts` in the user's cache directory */
  constructor(folder: string = join(cacheFolder(), 'artifacts')) {
    this.folder = resolve(folder)
  }

  /** Path of an artifact; undefined if it is not there. */
  find(sha256: string): string | undefined {
    const path = this.#pathOf(sha256)
    return existsSync(path) ? path : undefined
  }

  /** Adds bytes. Returns their sha256. @throws RunError ROBENCH_STORE */
  async addBytes(bytes: Uint8Array): Promise<string> {
    const sha256 = hashBytes(bytes)
    if (!this.find(sha256)) await writeFileAtomic(this.#pathOf(sha256), bytes)
    return sha256
  }

  /** Adds a copy of a file with this hash. @throws RunError ROBENCH_STORE, also for another hash */
  async addFile(path: string, sha256: string): Promise<void> {
    if (!this.find(sha256)) await this.receive(createReadStream(path), sha256)
  }

  /**
   * Adds what a stream yields.
   * @returns the path of the artifact
   * @throws RunError ROBENCH_STORE if it is too large, has another hash, or cannot be written
   */
  async receive(stream: Readable, sha256: string): Promise<string> {
    const target = this.#pathOf(sha256)
    const temporary = `${target}.${randomUUID().slice(0, 8)}.tmp`
    const hash = createHash('sha256')
    let size = 0
    const check = new Transform({
      transform(piece: Buffer, _encoding, done) {
        size += piece.length
        hash.update(piece)
        done(size > mostBytes ? new Error(`larger than ${mostBytes} bytes`) : null, piece)
      },
    })
    try {
      await makeFolder(this.folder)
      await pipeline(stream, check, createWriteStream(temporary))
      const actual = hash.digest('hex')
      if (actual !== sha256) {
        throw new RunError('ROBENCH_STORE', `artifact ${sha256}: its content has sha256 ${actual}`)
      }
      await rename(temporary, target)
      return target
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {})
      if (cause instanceof RunError) throw cause
      throw storeError(target, cause)
    }
  }

  /** Copies an artifact to a path. @throws RunError ROBENCH_STORE */
  async copyTo(sha256: string, path: string): Promise<void> {
    const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`
    try {
      await makeFolder(resolve(path, '..'))
      await copyFile(this.#pathOf(sha256), temporary)
      await rename(temporary, path)
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {})
      throw storeError(path, cause)
    }
  }

  #pathOf(sha256: string): string {
    if (!isSha256(sha256)) throw new RunError('ROBENCH_STORE', 'an artifact has no valid sha256')
    return join(this.folder, sha256)
  }
}
