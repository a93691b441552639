/** The identity of a plugin package: name, version, and a hash of its code. */
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashJson, hashBytes } from '../base/hash.ts'
import { packageVersion } from '../base/package-version.ts'
import { builtinTable } from './load.ts'
import type { PluginLocation } from './load.ts'
import { fileAt, packageFolder } from './module-file.ts'

/** A package that provides plugins. */
export interface PackageIdentity {
  /** As the suite names it; `robench` for built-in plugins. */
  readonly name: string
  /** From its package.json; `0.0.0` if it states none. */
  readonly version: string
  /**
   * sha256 over the names and bytes of its module and of all files that the module names by a
   * relative path, directly or through other files. Dependencies from npm are not included.
   */
  readonly integrity: string
}

/** The identity of a third-party package. */
export function identifyPackage({ name, url }: PluginLocation): PackageIdentity {
  const entry = fileURLToPath(url)
  return { name, version: versionAbove(entry), integrity: integrityOf([entry]) }
}

/** The identity of robench: its plugins, and the code that runs units. */
export function identifyRobench(): PackageIdentity {
  const table = fileURLToPath(builtinTable())
  const worker = resolve(dirname(table), '../core/bench/execute/worker')
  const extension = table.endsWith('.ts') ? 'ts' : 'js'
  return {
    name: 'robench',
    version: packageVersion(),
    integrity: integrityOf([table, `${worker}.${extension}`]),
  }
}

/** `package` of a plugin's identity: the package of that name; empty for robench itself. */
export function providerOf(
  packages: readonly PackageIdentity[],
  name: string | undefined,
): { readonly package?: PackageIdentity } {
  const found = packages.find((provider) => provider.name === name)
  return found ? { package: found } : {}
}

/** String literals that begin like a relative path. */
const relativePath = /(['"`])(\.\.?\/[^'"`\n$]+)\1/g

function integrityOf(entries: readonly string[]): string {
  const hashes = new Map<string, string>()
  const root = packageFolder(entries[0]!) ?? dirname(entries[0]!)
  const queue = [...entries]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (hashes.has(file)) continue
    const bytes = readFileSync(file)
    hashes.set(file, hashBytes(bytes))
    if (!/\.[cm]?[jt]s$/.test(file)) continue
    for (const [, , path = ''] of bytes.toString('utf8').matchAll(relativePath)) {
      const target = fileAt(resolve(dirname(file), path))
      if (target !== undefined && !relative(root, target).startsWith('..')) queue.push(target)
    }
  }
  const named = [...hashes].map(([file, hash]) => [relative(root, file).split(sep).join('/'), hash])
  return hashJson(named.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)))
}

function versionAbove(file: string): string {
  const folder = packageFolder(file)
  if (folder === undefined) return '0.0.0'
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const version: unknown = Reflect.get(Object(manifest) as object, 'version')
  return typeof version === 'string' ? version : '0.0.0'
}
