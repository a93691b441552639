/** What the file system's error codes mean, in plain words, and what to do. */

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space and run the same command again',
  EFBIG: 'the limit on file sizes is reached; raise it (ulimit -f) and run the same command again',
  EDQUOT: 'the disk quota is used up; free some space and run the same command again',
  EACCES: 'permission denied; choose a folder that you may write to',
  EPERM: 'permission denied; choose a folder that you may write to',
  EROFS: 'the file system is read-only; choose another folder',
  ENOTDIR: 'a file stands where a folder is needed; choose another folder',
  EEXIST: 'a file stands where a folder is needed; choose another folder',
}

/** The code of a file system's error, and what to do about it; undefined for any other error. */
export function diskReason(
  cause: unknown,
): { readonly code: string; readonly reason: string } | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const reason = reasons[code]
  return reason === undefined ? undefined : { code, reason }
}
