/** Says in plain words why a data file could not be written. */
import { diskReason } from '../base/disk.ts'
import { RunError } from '../base/errors.ts'

/** Runs a write; a failure of the disk becomes a RunError ROBENCH_STORE that names `path` and says what to do. */
export async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw diskError(path, error)
  }
}

/** The error for people, if it is one of the disk's; anything else is returned as it came. */
export function diskError(path: string, error: unknown): unknown {
  const known = diskReason(error)
  if (!known) return error
  return new RunError(
    'ROBENCH_STORE',
    `${path}: cannot be written: ${known.reason} (${known.code}; ROBENCH_DATA names another folder for data)`,
    { cause: error },
  )
}
