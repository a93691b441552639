/** The third-party packages whose code a cell runs. */
import type { Cell } from './cell.ts'

/** Names of the packages of the cell's attack and of those that it wraps, sorted. */
export function packagesOfCell(cell: Cell): string[] {
  if (cell.kind !== 'attack') return []
  const names = new Set<string>()
  collect(cell.attack, names)
  return [...names].toSorted()
}

/** An attack, at any depth of the options of another one, states its package: see `chooseAttack`. */
function collect(value: unknown, names: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collect(item, names)
  else if (typeof value === 'object' && value !== null) {
    const provider: unknown = Reflect.get(value, 'package')
    if (isIdentity(provider)) names.add(provider.name)
    for (const part of Object.values(value)) collect(part, names)
  }
}

function isIdentity(value: unknown): value is { readonly name: string } {
  if (typeof value !== 'object' || value === null) return false
  const { name, integrity } = value as Readonly<Record<string, unknown>>
  return typeof name === 'string' && typeof integrity === 'string'
}
