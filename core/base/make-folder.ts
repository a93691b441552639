/** Creates directories. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Creates a directory and those above it that are missing. The recursive `mkdir` of Node reports a
 * read-only file system as ENOENT, and never returns in `/proc`; this names the cause and ends.
 * @throws the error of the file system
 */
export async function makeFolder(path: string): Promise<void> {
  const missing: string[] = []
  let folder = resolve(path)
  while (!(await isThere(folder)) && dirname(folder) !== folder) {
    missing.unshift(folder)
    folder = dirname(folder)
  }
  // A file in place of the directory fails here with EEXIST.
  if (missing.length === 0 && !(await stat(folder)).isDirectory()) await mkdir(folder)
  for (const each of missing) {
    await mkdir(each).catch(async (error: NodeJS.ErrnoException) => {
      // Another process may have created it.
      if (error.code !== 'EEXIST' || !(await stat(each)).isDirectory()) throw error
    })
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}
