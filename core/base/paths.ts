/** Where files live: the package's own folders, and the user's cache. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's root folder: the nearest one above this file that holds package.json. Same from sources and from dist/. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/** The per-user cache: `ROBENCH_CACHE`, else `$XDG_CACHE_HOME/robench`, else `~/.cache/robench`. */
export function cacheFolder(): string {
  const own = process.env['ROBENCH_CACHE']
  if (own) return resolve(own)
  const xdg = process.env['XDG_CACHE_HOME']
  return join(xdg ? resolve(xdg) : join(homedir(), '.cache'), 'robench')
}

/** Where data sets live: `ROBENCH_DATA`, else `data` in the per-user cache. */
export function dataFolder(): string {
  const own = process.env['ROBENCH_DATA']
  return own ? resolve(own) : join(cacheFolder(), 'data')
}
