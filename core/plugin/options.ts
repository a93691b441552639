/** Checks a plugin's options against the schema in its meta and fills in the defaults. */
import { ConfigError, PluginError } from '../base/errors.ts'
import { compileSchema, shown } from '../base/schema.ts'
import type { OptionsSchema, PluginMeta, PluginOptions } from './contract.ts'

const noOptions: OptionsSchema = { type: 'object', properties: {}, additionalProperties: false }

/**
 * The options with defaults filled in.
 * @param where place of the options, for messages: `suites/a.json#/attacks/0/options`
 * @throws ConfigError if the options break the schema; PluginError if the schema is invalid
 */
export function resolveOptions(
  meta: Pick<PluginMeta, 'id' | 'optionsSchema'>,
  options: unknown,
  where: string,
): PluginOptions {
  const schema = meta.optionsSchema ?? noOptions
  const validate = compileOptionsSchema(meta.id, schema)
  const { value, problems } = validate(options ?? {})
  if (problems.length > 0) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      problems.map(({ pointer, message }) => `${where}${pointer}: ${message}`).join('\n'),
    )
  }
  // The schema's type is object: compileOptionsSchema refuses others.
  return value as PluginOptions
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
