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
  const forbidden = layers.filter(
    (other, place) =>
      place > index || (imports && place < index && !imports.includes(other.folder)),
  )
  const group = forbidden.map((other) => `**/${other.folder.split('/').slice(-1)[0]}/**`)
  const message = imports
    ? `${folder} may import only ${imports.join(', ')}; see .layers.json.`
    : `${folder} may import only layers below it; see .layers.json.`
  const patterns = group.length > 0 ? [{ group, message }] : []
  return {
    files: [`${folder}/**`],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  }
}
