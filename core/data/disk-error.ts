/** Errors for data files that cannot be written. */
import { diskReason } from '../base/disk.ts'
import { RunError } from '../base/errors.ts'

/** Runs a write. @throws RunError ROBENCH_STORE with `path` and advice if the disk fails */
export async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw diskError(path, error)
  }
}

/** A disk error as a RunError with advice; other errors are returned unchanged. */
export function diskError(path: string, error: unknown): unknown {
  const known = diskReason(error)
  if (!known) return error
  return new RunError(
    'ROBENCH_STORE',
    `${path}: cannot be written: ${known.reason} ` +
      `(${known.code}; ROBENCH_DATA names another data directory)`,
    { cause: error },
  )
}
