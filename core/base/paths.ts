/** Directories: the package's own, and the user's cache. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The package's root: the nearest directory above this file with a package.json. The same from the
 * sources and from dist/.
 */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/**
 * The path of a page of the documentation in this installation: relative to the current directory
 * where it is inside, such as `node_modules/robench/docs/checks.md`.
 */
export function documentationPath(page: string): string {
  const path = join(packageRoot(), 'docs', `${page}.md`)
  const near = relative(process.cwd(), path)
  return near.startsWith('..') || isAbsolute(near) ? path : near
}

/**
 * The user's cache directory: `ROBENCH_CACHE`, else `$XDG_CACHE_HOME/robench`, else
 * `~/.cache/robench`.
 */
export function cacheFolder(): string {
  const own = process.env['ROBENCH_CACHE']
  if (own) return resolve(own)
  const xdg = process.env['XDG_CACHE_HOME']
  return join(xdg ? resolve(xdg) : join(homedir(), '.cache'), 'robench')
}

/** The directory of data sets: `ROBENCH_DATA`, else `data` in the user's cache directory. */
export function dataFolder(): string {
  const own = process.env['ROBENCH_DATA']
  return own ? resolve(own) : join(cacheFolder(), 'data')
}
