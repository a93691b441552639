/** Generates `.oxlintrc.layers.json`, the lint rules that keep the layers of `.layers.json`. */
import type { Layer } from './layers.ts'

interface Override {
  readonly files: readonly string[]
  readonly rules: Readonly<Record<string, unknown>>
}

export function lintConfig(layers: readonly Layer[]): { readonly overrides: readonly Override[] } {
  return { overrides: layers.map((layer, index) => overrideFor(layer, layers, index)) }
}

function overrideFor(layer: Layer, layers: readonly Layer[], index: number): Override {
  const { folder, imports } = layer
  const above = layers.slice(index + 1).map(({ folder: other }) => other)
  const group = imports
    ? ['**/core/**', ...imports.map((allowed) => `!**/${allowed}/**`), ...above.map(anywhere)]
    : above.map(anywhere)
  const message = imports
    ? `${folder} may import only ${imports.join(', ')}; see .layers.json.`
    : `${folder} may import only layers below it; see .layers.json.`
  const patterns = group.length > 0 ? [{ group, message }] : []
  return {
    files: [`${folder}/**`],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  }
}

/** Matches a relative import of a directory, from inside or beside `core`. */
function anywhere(folder: string): string {
  return `**/${folder.split('/').at(-1)!}/**`
}
