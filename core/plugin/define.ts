/** Typed constructors of plugins: the options' types are read off the JSON Schema in `meta`. */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import type {
  AttackMeta,
  AttackPlugin,
  DefenseMeta,
  DefensePlugin,
  NetworkPlugin,
  PluginMeta,
} from './contract.ts'

/** Options as they are after validation: every property with a default is there. No schema means no options. */
export type OptionsOf<Meta> = Meta extends { readonly optionsSchema: infer Schema }
  ? Schema extends JSONSchema
    ? FromSchema<Schema>
    : never
  : Readonly<Record<string, never>>

/** A plugin as its author writes it: without `kind`, which the function adds. */
type Definition<Plugin, Meta> = Omit<Plugin, 'kind' | 'meta'> & { readonly meta: Meta }

/**
 * An attack, with `context.options` typed by `meta.optionsSchema`; declare that
 * `as const satisfies JSONSchema` if it stands apart. The function only adds `kind` and freezes the record.
 */
export function defineAttack<const Meta extends AttackMeta>(
  definition: Definition<AttackPlugin<OptionsOf<Meta>>, Meta>,
): AttackPlugin<OptionsOf<Meta>> {
  return Object.freeze({ kind: 'attack', ...definition })
}

/** A defense, typed as `defineAttack` does. */
export function defineDefense<const Meta extends DefenseMeta>(
  definition: Definition<DefensePlugin<OptionsOf<Meta>>, Meta>,
): DefensePlugin<OptionsOf<Meta>> {
  return Object.freeze({ kind: 'defense', ...definition })
}

/** A network architecture, typed as `defineAttack` does. */
export function defineNetwork<const Meta extends PluginMeta>(
  definition: Definition<NetworkPlugin<OptionsOf<Meta>>, Meta>,
): NetworkPlugin<OptionsOf<Meta>> {
  return Object.freeze({ kind: 'network', ...definition })
}
