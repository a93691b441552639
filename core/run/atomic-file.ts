/** Files that are there whole or not at all, and what to say when the disk refuses. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { RunError } from '../errors.ts'

/**
 * Writes beside the target, flushes to the disk and renames, so that a kill at any moment leaves the old file or the new one.
 * @throws RunError ROBENCH_STORE
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {})
    throw storeError(path, cause)
  }
}

const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space and run the same command again',
  EFBIG: 'the limit on file sizes is reached; raise it (ulimit -f) and run the same command again',
  EDQUOT: 'the disk quota is used up; free some space and run the same command again',
  EACCES: 'permission denied; choose a folder that you may write to',
  EPERM: 'permission denied; choose a folder that you may write to',
  EROFS: 'the file system is read-only; choose another folder',
  ENOTDIR: 'a file stands where a folder is needed; choose another folder',
  EEXIST: 'a file stands where a folder is needed; choose another folder',
}

/** A failure of the file system as an error that says what to do. */
export function storeError(path: string, cause: unknown): RunError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const reason = advice[code] ?? (cause instanceof Error ? cause.message : String(cause))
  return new RunError(
    'ROBENCH_STORE',
    `${path}: cannot be written: ${reason} (what is finished is kept)`,
    { cause, details: { path, code } },
  )
}
