/** Finds and imports plugin packages: the built-in table, npm packages, and directories. */
import { existsSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { moduleResolve } from 'import-meta-resolve'
import { ConfigError } from '../base/errors.ts'
import { parseJsonText } from '../base/json-file.ts'
import { readText } from '../base/read-file.ts'
import { shown } from '../base/schema.ts'
import { reasonOf } from './blame.ts'
import type { PluginTable } from './contract.ts'
import { fileAt, isPluginPath } from './module-file.ts'
import { PluginRegistry } from './registry.ts'
import type { PluginPackage } from './registry.ts'

/** A third-party package as a suite names it, and its module. */
export interface PluginLocation {
  readonly name: string
  /** A file: URL. */
  readonly url: string
}

/**
 * Locates each named package: npm names by Node's resolution algorithm (with package exports),
 * paths as directories or files. Each name is tried from every directory in order. Only files on
 * this machine are code: URLs (`data:`, `http:`) and modules of Node are refused.
 * @param where the suite, for messages
 * @throws ConfigError ROBENCH_CONFIG with the attempts
 */
export function locatePlugins(
  names: readonly string[],
  folders: readonly string[],
  where: string,
): PluginLocation[] {
  return names.map((name, index) => {
    const place = `${where}#/plugins/${index}`
    requirePackage(name, place)
    const reasons: string[] = []
    for (const folder of new Set(folders)) {
      let url: string
      try {
        url = isPluginPath(name) ? resolvePath(resolve(folder, name)) : resolveName(name, folder)
      } catch (error) {
        reasons.push(`  from ${folder}: ${reasonOf(error)}`)
        continue
      }
      requireModule(url, `${place}: plugin package "${name}"`)
      return { name, url }
    }
    const isFolder = [...new Set(folders)].some((folder) => existsSync(resolve(folder, name)))
    const install = isFolder
      ? `write ./${name} for this path`
      : `install it: npm install ${installed(name)}`
    const advice = isPluginPath(name) ? 'check the path' : install
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${place}: plugin package "${name}" was not found; ${advice}\n${reasons.join('\n')}`,
    )
  })
}

/** A package of npm, with or without a subpath. */
const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(\/[\w.~-]+)*$/i

/** Most characters of the name of a package, as npm has it, with a subpath as long as that. */
const longestName = 2 * 214

/** The package of a name with a subpath, as `npm install` takes it. */
function installed(name: string): string {
  const parts = name.split('/')
  return parts.slice(0, name.startsWith('@') ? 2 : 1).join('/')
}

/** Extensions of modules with code, and of a file without one, which Node takes for JavaScript. */
const moduleExtensions: readonly string[] = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '']

/** @throws ConfigError for a file that Node imports as data, or not at all: `.json`, `.node` */
function requireModule(url: string, what: string): void {
  const path = fileURLToPath(url)
  const extension = extname(path)
  if (moduleExtensions.includes(extension)) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${what}: expected a JavaScript module (.js, .mjs, .cjs), got a ${extension} file: ${path}`,
  )
}

/** @throws ConfigError for a text that names neither a package nor a path, such as a URL */
function requirePackage(name: string, place: string): void {
  const climbs = name.split('/').some((part) => part === '.' || part === '..')
  const isPackage = packageName.test(name) && name.length <= longestName && !climbs
  const isOther = !isPluginPath(name) && (!isPackage || isBuiltin(name))
  if (!isOther && !name.includes('\0')) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${place}: expected the name of an npm package, or a path that begins with "." or "/", got ` +
      `${shown(name)}; URLs and modules of Node are not plugin packages`,
  )
}

/**
 * A registry of the built-in plugins and of the packages at those locations, which are imported
 * into this process.
 * @param notify receives notices, such as a meta key that this version does not know
 * @throws ConfigError, PluginError
 */
export async function loadRegistry(
  locations: readonly PluginLocation[] = [],
  notify?: (notice: string) => void,
): Promise<PluginRegistry> {
  const packages: PluginPackage[] = [await builtinPackage()]
  for (const location of locations) packages.push(await importPackage(location))
  return new PluginRegistry(packages, notify)
}

/** The built-in plugins. */
export async function builtinPackage(): Promise<PluginPackage> {
  return { name: 'robench', table: await importTable(builtinTable()) }
}

/**
 * Imports a third-party package into this process. If its code ends the process meanwhile, a
 * message says so and the exit code is 2.
 * @throws ConfigError ROBENCH_CONFIG if it cannot be imported
 */
export async function importPackage({ name, url }: PluginLocation): Promise<PluginPackage> {
  const onExit = (): void => {
    process.stderr.write(`error: plugin package "${name}" ended the process during its import\n`)
    process.exitCode = 2
  }
  process.on('exit', onExit)
  try {
    return { name, table: await importTable(url) }
  } catch (cause) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `plugin package "${name}" cannot be imported: ${reasonOf(cause)}`,
      { cause },
    )
  } finally {
    process.off('exit', onExit)
  }
}

/** The URL of the built-in table, which is beside core both in the sources and in dist/. */
export function builtinTable(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`../../plugins/index.${extension}`, import.meta.url).href
}

/** Nested defaults that are looked into: those of TypeScript's CommonJS, and of a bundler. */
const mostDefaults = 3

/**
 * The default export. CommonJS that a compiler has made from a module has it as `exports.default`,
 * and an import has `exports` as its default.
 */
async function importTable(url: string): Promise<PluginTable> {
  const module: unknown = await import(url)
  let table: unknown = Reflect.get(module as object, 'default')
  for (let depth = 1; depth < mostDefaults; depth++) {
    if (typeof table !== 'object' || table === null || !('default' in table)) break
    table = table.default
  }
  // The registry checks the table itself.
  return table as PluginTable
}

/** A module for ESM, or else for CommonJS only. */
function resolveName(name: string, folder: string): string {
  const parent = pathToFileURL(join(folder, 'package.json'))
  try {
    return resolveByConditions(name, parent)
  } catch (error) {
    const installed = installedFolder(name, folder)
    if (installed === undefined) throw error
    // The package is there, so its own files say what is wrong.
    return resolveFolder(installed, error)
  }
}

function resolveByConditions(name: string, parent: URL): string {
  try {
    return moduleResolve(name, parent, new Set(['node', 'import'])).href
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error
    return moduleResolve(name, parent, new Set(['node', 'require'])).href
  }
}

function installedFolder(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return candidate
    if (folder === dirname(folder)) return undefined
  }
}

function resolvePath(path: string): string {
  if (!existsSync(path)) throw new Error(`${path} does not exist`)
  if (statSync(path).isFile()) return pathToFileURL(path).href
  return resolveFolder(path)
}

/** @param earlier thrown where the folder says nothing better */
function resolveFolder(path: string, earlier?: unknown): string {
  const manifest = readManifest(path)
  const { name, main, exports } = manifest
  if (exports !== undefined) {
    if (earlier !== undefined && !isMissing(earlier)) throw earlier
    if (typeof name !== 'string') throw new Error(`${path}/package.json has exports, but no "name"`)
    // A package can refer to itself by name, which applies its exports.
    const url = resolveSelf(name, path)
    if (existsSync(fileURLToPath(url))) return url
    throw notBuilt(path, 'exports', fileURLToPath(url))
  }
  if (typeof main === 'string' && main !== '') {
    const file = fileAt(resolve(path, main))
    if (file !== undefined) return pathToFileURL(file).href
    throw notBuilt(path, '"main"', resolve(path, main))
  }
  const index = join(path, 'index.js')
  if (existsSync(index)) return pathToFileURL(index).href
  throw new Error(
    `${join(path, 'package.json')} has no "main" and no "exports", and there is no index.js; ` +
      'name the built module in "main"',
  )
}

function resolveSelf(name: string, path: string): string {
  try {
    return resolveByConditions(name, pathToFileURL(join(path, 'package.json')))
  } catch (error) {
    const missing = /Cannot find module '([^']+)'/.exec(reasonOf(error))?.[1]
    throw missing === undefined ? error : notBuilt(path, 'exports', missing)
  }
}

function isMissing(error: unknown): boolean {
  return Reflect.get(Object(error), 'code') === 'ERR_MODULE_NOT_FOUND'
}

function notBuilt(path: string, key: string, file: string): Error {
  return new Error(
    `${key} of ${join(path, 'package.json')} names ${file}, which does not exist; ` +
      'build the package first (npm run build)',
  )
}

function readManifest(path: string): Readonly<Record<string, unknown>> {
  const file = join(path, 'package.json')
  if (!existsSync(file)) throw new Error(`${path} has no package.json`)
  const limits = { code: 'ROBENCH_CONFIG', mostBytes: 2 ** 24 } as const
  return Object(parseJsonText(readText(file, limits), file)) as Readonly<Record<string, unknown>>
}
