/** Finds and imports plugin packages: the built-in table, npm packages, and directories. */
import { existsSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resolve as resolveModule } from 'import-meta-resolve'
import { ConfigError } from '../base/errors.ts'
import { parseJsonText } from '../base/json-file.ts'
import { readText } from '../base/read-file.ts'
import { shown } from '../base/schema.ts'
import type { PluginTable } from './contract.ts'
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
    requirePackage(name, `${where}#/plugins/${index}`)
    const reasons: string[] = []
    for (const folder of new Set(folders)) {
      try {
        return {
          name,
          url: isPath(name) ? resolvePath(resolve(folder, name)) : resolveName(name, folder),
        }
      } catch (error) {
        reasons.push(`  from ${folder}: ${reasonOf(error)}`)
      }
    }
    const advice = isPath(name) ? 'check the path' : `install it: npm install ${name}`
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}#/plugins/${index}: plugin package "${name}" was not found; ` +
        `${advice}\n${reasons.join('\n')}`,
    )
  })
}

/**
 * A registry of the built-in plugins and of the packages at those locations.
 * @param notify receives notices, such as a meta key that this version does not know
 * @throws ConfigError, PluginError
 */
export async function loadRegistry(
  locations: readonly PluginLocation[] = [],
  notify?: (notice: string) => void,
): Promise<PluginRegistry> {
  const packages: PluginPackage[] = [{ name: 'robench', table: await importTable(builtinTable()) }]
  for (const { name, url } of locations) {
    try {
      packages.push({ name, table: await importTable(url) })
    } catch (cause) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `plugin package "${name}" cannot be imported: ${reasonOf(cause)}`,
        { cause },
      )
    }
  }
  return new PluginRegistry(packages, notify)
}

/** The URL of the built-in table, which is beside core both in the sources and in dist/. */
export function builtinTable(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`../../plugins/index.${extension}`, import.meta.url).href
}

async function importTable(url: string): Promise<PluginTable> {
  const module: unknown = await import(url)
  // The registry checks the table itself.
  return Reflect.get(module as object, 'default') as PluginTable
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** A package of npm, with or without a subpath. */
const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(\/[\w.~-]+)*$/i

/** @throws ConfigError for a text that names neither a package nor a path */
function requirePackage(name: string, where: string): void {
  const isOther = !isPath(name) && (!packageName.test(name) || isBuiltin(name))
  if (!isOther && !name.includes('\0')) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${where}: expected the name of an npm package, or a path that begins with "." or "/", got ` +
      `${shown(name)}; URLs and modules of Node are not plugin packages`,
  )
}

function isPath(name: string): boolean {
  return name.startsWith('.') || isAbsolute(name)
}

function resolveName(name: string, folder: string): string {
  const url = resolveModule(name, pathToFileURL(join(folder, 'package.json')).href)
  if (url.startsWith('file:')) return url
  throw new Error(`${name} is not a file`)
}

function resolvePath(path: string): string {
  if (!existsSync(path)) throw new Error(`${path} does not exist`)
  if (statSync(path).isFile()) return pathToFileURL(path).href
  const manifestFile = join(path, 'package.json')
  if (!existsSync(manifestFile)) throw new Error(`${path} has no package.json`)
  const limits = { code: 'ROBENCH_CONFIG', mostBytes: 2 ** 24 } as const
  const manifest = parseJsonText(readText(manifestFile, limits), manifestFile) as {
    name?: string
    main?: string
    exports?: unknown
  }
  // A package can refer to itself by name, which applies its exports.
  if (manifest.exports !== undefined && manifest.name) return resolveName(manifest.name, path)
  const main = resolve(path, manifest.main ?? 'index.js')
  if (!existsSync(main)) throw new Error(`${main} does not exist`)
  return pathToFileURL(main).href
}
