/** Explains error codes of the file system. */

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space and run the same command again',
  EFBIG: 'the limit on file sizes is reached; raise it (ulimit -f) and run the same command again',
  EDQUOT: 'the disk quota is used up; free some space and run the same command again',
  EACCES: 'permission denied; choose a directory that you can write to',
  EPERM: 'permission denied; choose a directory that you can write to',
  EROFS: 'the file system is read-only; choose another directory',
  EMFILE: 'too many files are open; raise the limit (ulimit -n) and run the same command again',
  ENFILE: 'too many files are open on this machine; run the same command again later',
  ENOTDIR: 'a file exists where a directory is expected; choose another directory',
  EEXIST: 'a file exists where a directory is expected; choose another directory',
}

/** The code of a file system error and advice; undefined for other errors. */
export function diskReason(
  cause: unknown,
): { readonly code: string; readonly reason: string } | undefined {
  const isCoded = typeof cause === 'object' && cause !== null && 'code' in cause
  const code = isCoded ? String(cause.code) : ''
  const reason = reasons[code]
  return reason === undefined ? undefined : { code, reason }
}
