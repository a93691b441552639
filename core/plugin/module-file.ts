/** Files and directories of packages. */
import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, win32 } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The file that a module specifier names: as it is, or as CommonJS completes it. */
export function fileAt(path: string): string | undefined {
  const candidates = [path, `${path}.js`, `${path}.cjs`, `${path}.json`, join(path, 'index.js')]
  return candidates.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
}

/** The nearest directory above a file with a package.json. */
export function packageFolder(file: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return undefined
  }
}

/**
 * The directories of the package of a module: as it is named, and without links. Positions in
 * stacks are below one of them.
 * @param url a file: URL
 */
export function foldersOfModule(url: string): string[] {
  const entry = fileURLToPath(url)
  const files = existsSync(entry) ? [entry, realpathSync(entry)] : [entry]
  return [...new Set(files.map((file) => packageFolder(file) ?? dirname(file)))]
}

/**
 * Whether a plugin package is named by a path: relative with a dot, or absolute. A drive letter of
 * Windows begins a path, not a URL.
 */
export function isPluginPath(name: string): boolean {
  return name.startsWith('.') || isAbsolute(name) || win32.isAbsolute(name)
}
