/** Options that mean something to the host, found by the role that a plugin's meta declares. */
import type { OptionRole, PluginMeta } from './contract.ts'

/** Roles that at most one option of a plugin may have. */
const singleRoles: ReadonlySet<OptionRole> = new Set(['attack', 'models', 'network'])

/** The JSON Schema type of an option with each role. */
const roleTypes: Readonly<Record<OptionRole, string>> = {
  attack: 'object',
  models: 'array',
  network: 'object',
  path: 'string',
}

/** The name of the first option with that role; undefined if there is none. */
export function optionWithRole(
  { optionRoles = {} }: Pick<PluginMeta, 'optionRoles'>,
  role: OptionRole,
): string | undefined {
  return Object.keys(optionRoles).find((name) => optionRoles[name] === role)
}

/**
 * Describes the first mistake in the declared roles; undefined if they are valid. Each must belong
 * to an option of the schema that has the role's type, and only `path` may be declared more than
 * once.
 */
export function checkOptionRoles({
  optionRoles = {},
  optionsSchema,
}: Pick<PluginMeta, 'optionRoles' | 'optionsSchema'>): string | undefined {
  const properties = optionsSchema?.['properties'] ?? {}
  const names = new Map<OptionRole, string>()
  for (const [name, role] of Object.entries(optionRoles)) {
    if (!Object.hasOwn(properties, name)) {
      return `meta.optionRoles names "${name}", which is no property of meta.optionsSchema`
    }
    const type: unknown = Reflect.get(Reflect.get(properties, name) as object, 'type')
    if (type !== roleTypes[role]) {
      return (
        `meta.optionRoles gives the role "${role}" to "${name}"; expected the type ` +
        `"${roleTypes[role]}" in meta.optionsSchema, got ${JSON.stringify(type) ?? 'none'}`
      )
    }
    const other = names.get(role)
    if (other !== undefined && singleRoles.has(role)) {
      return `meta.optionRoles gives the role "${role}" to "${other}" and "${name}"; expected one`
    }
    names.set(role, name)
  }
  return undefined
}
