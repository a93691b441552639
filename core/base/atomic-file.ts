/** Files that are there whole or not at all, and what to say when the disk refuses. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { diskReason } from './disk.ts'
import { RunError } from './errors.ts'

/**
 * Writes beside the target, flushes to the disk and renames, so that a kill at any moment leaves the old file or the new one. Folders that are
 * not there are made, whole: where the working directory itself is gone, too, Node would look for a relative one for ever.
 * @throws RunError ROBENCH_STORE
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const target = resolve(path)
  const temporary = `${target}.${randomUUID().slice(0, 8)}.tmp`
  try {
    await mkdir(dirname(target), { recursive: true })
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {})
    throw storeError(path, cause)
  }
}

/** A failure of the file system as an error that says what to do. */
export function storeError(path: string, cause: unknown): RunError {
  const known = diskReason(cause)
  const code = known?.code ?? ''
  const reason = known?.reason ?? (cause instanceof Error ? cause.message : String(cause))
  return new RunError(
    'ROBENCH_STORE',
    `${path}: cannot be written: ${reason} (what is finished is kept)`,
    { cause, details: { path, code } },
  )
}
