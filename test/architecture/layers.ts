/** Layers of the source and imports between its files, for the tests and the lint generator. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { packageRoot } from '../../core/base/paths.ts'

export interface Layer {
  readonly folder: string
  readonly holds: string
  /** The only lower layers that this one may import; all of them if left out. */
  readonly imports?: readonly string[]
}

/** Lowest first. A file may import its own layer and lower ones. */
export function readLayers(): readonly Layer[] {
  const text = readFileSync(join(packageRoot(), '.layers.json'), 'utf8')
  return (JSON.parse(text) as { readonly layers: readonly Layer[] }).layers
}

/** The TypeScript files of the package, relative to its root, with `/` between directories. */
export function sourceFiles(): readonly string[] {
  const inRoot = readdirSync(packageRoot()).filter((name) => name.endsWith('.ts'))
  const below = ['core', 'plugins', 'reports', 'leaderboard', 'cli'].flatMap((top) =>
    readdirSync(join(packageRoot(), top), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => posix.join(top, name.replaceAll('\\', '/'))),
  )
  return [...inRoot, ...below]
}

/** The relative imports of a file, types and dynamic ones included, as paths from the root. */
export function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(packageRoot(), file), 'utf8')
  const specifiers = text.matchAll(/(?:from|import|import\() ?'(\.[^']+)'/g)
  return [...specifiers].map(([, path]) => posix.join(dirname(file), path!))
}

/** @returns the layer's place in the list, or −1 for a file outside all of them */
export function layerIndexOf(file: string, layers: readonly Layer[]): number {
  return layers.findIndex(({ folder }) => file.startsWith(`${folder}/`))
}
