/** Checks a plugin's options against the schema in its meta and fills in the defaults. */
import { ConfigError, PluginError } from '../base/errors.ts'
import { compileSchema, escapePointer, refuseProblems, shown } from '../base/schema.ts'
import { epsilonSchema, parseEpsilon } from '../threat/epsilon.ts'
import type { OptionsSchema, PluginMeta, PluginOptions } from './contract.ts'

const noOptions: OptionsSchema = { type: 'object', properties: {}, additionalProperties: false }

/**
 * The options with defaults filled in.
 * @param where place of the options, for messages: `suites/a.json#/attacks/0/options`
 * @throws ConfigError if the options break the schema, or contain a list that is too long; PluginError if the schema is invalid
 */
export function resolveOptions(
  meta: Pick<PluginMeta, 'id' | 'optionsSchema'>,
  options: unknown,
  where: string,
): PluginOptions {
  const schema = meta.optionsSchema ?? noOptions
  refuseLongLists(options, where)
  const validate = compileOptionsSchema(meta.id, schema)
  const { value, problems } = validate(options ?? {})
  refuseProblems(problems, where, 'ROBENCH_CONFIG')
  checkSizes(schema, value, where)
  // The schema's type is object: compileOptionsSchema refuses others.
  return value as PluginOptions
}

/** Fractions in options with `epsilonSchema` are parsed, so that `8/0` is found before a run. */
function checkSizes(schema: OptionsSchema, value: unknown, where: string): void {
  for (const [key, property] of Object.entries(schema['properties'] ?? {})) {
    const size: unknown = Reflect.get(Object(value), key)
    if (size === undefined || Reflect.get(Object(property), 'anyOf') !== epsilonSchema.anyOf)
      continue
    parseEpsilon(size, `${where}/${key}`)
  }
}

/** Most items of a list in options, and most that are objects: these may be compared in pairs. */
const mostItems = { plain: 100_000, objects: 1000 }

/** Before the schema is applied, which may take quadratic time. @throws ConfigError */
function refuseLongLists(value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    const most = value.some((item) => typeof item === 'object')
      ? mostItems.objects
      : mostItems.plain
    if (value.length > most) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `${where}: expected at most ${most} items, got ${value.length}`,
      )
    }
  }
  for (const [key, item] of Object.entries(value)) {
    refuseLongLists(item, `${where}/${escapePointer(key)}`)
  }
}

/** Compiles an options schema. @throws PluginError unless it is closed to unknown keys */
export function compileOptionsSchema(
  id: string,
  schema: OptionsSchema,
): ReturnType<typeof compileSchema> {
  const { type, additionalProperties } = schema
  if (type !== 'object' || additionalProperties !== false) {
    throw new PluginError(
      'ROBENCH_PLUGIN_CONTRACT',
      `plugin "${id}": meta.optionsSchema must have "type": "object" and ` +
        `"additionalProperties": false, got ${shown({ type, additionalProperties })}`,
      { details: { pluginId: id } },
    )
  }
  try {
    return compileSchema(schema, { noun: 'option', subject: id })
  } catch (cause) {
    throw new PluginError(
      'ROBENCH_PLUGIN_CONTRACT',
      `plugin "${id}": meta.optionsSchema is not a valid JSON Schema (2020-12): ${String(cause)}`,
      { details: { pluginId: id }, cause },
    )
  }
}
