/** Atomic file writes. */
import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { makeFolder } from './make-folder.ts'
import { diskReason } from './disk.ts'
import { RunError } from './errors.ts'

/**
 * Writes a file atomically: to a temporary file next to it, flushed and renamed, so that a kill at
 * any moment leaves the old file or the new one. Creates missing directories. Paths are resolved
 * first, because Node loops forever on a relative path if the working directory was deleted.
 * @throws RunError ROBENCH_STORE
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const target = resolve(path)
  const temporary = `${target}.${randomUUID().slice(0, 8)}.tmp`
  try {
    await makeFolder(dirname(target))
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

/** The error for a failed write, with advice where the cause is known. */
export function storeError(path: string, cause: unknown): RunError {
  const known = diskReason(cause)
  const code = known?.code ?? ''
  const reason = known?.reason ?? (cause instanceof Error ? cause.message : String(cause))
  return new RunError(
    'ROBENCH_STORE',
    `${path}: cannot be written: ${reason} (completed work is saved)`,
    { cause, details: { path, code } },
  )
}
