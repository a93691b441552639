/** Says in plain words why a data file could not be written. */
import { RunError } from '../errors.ts'

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
}

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
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = reasons[code]
  if (reason === undefined) return error
  return new RunError(
    'ROBENCH_STORE',
    `${path}: cannot be written: ${reason} (${code}); make room there, or name another folder by the environment variable ROBENCH_DATA`,
    { cause: error },
  )
}
