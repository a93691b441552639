/** Typed constructors of plugins: the types of options follow from the JSON Schema in `meta`. */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import type {
  AttackMeta,
  AttackPlugin,
  DefenseMeta,
  DefensePlugin,
  NetworkPlugin,
  PluginMeta,
} from './contract.ts'

/**
 * The type of validated options: properties with a default are always present. No schema means no
 * options.
 */
export type OptionsOf<Meta> = Meta extends { readonly optionsSchema: infer Schema }
  ? Schema extends JSONSchema
    ? FromSchema<Schema>
    : never
  : Readonly<Record<string, never>>

/** A plugin as its author writes it, without `kind`. */
type Definition<Plugin, Meta> = Omit<Plugin, 'kind' | 'meta'> & { readonly meta: Meta }

/**
 * Defines an attack, with `context.options` typed by `meta.optionsSchema`; declare a separate
 * schema `as const satisfies JSONSchema`. The function only adds `kind` and freezes the record.
 */
export function defineAttack<const Meta extends AttackMeta>(
  definition: Definition<AttackPlugin<OptionsOf<Meta>>, Meta>,
): AttackPlugin<OptionsOf<Meta>> {
  return Object.freeze({ kind: 'attack', ...definition })
}

/** Defines a defense; options are typed as in `defineAttack`. */
export function defineDefense<const Meta extends DefenseMeta>(
  definition: Definition<DefensePlugin<OptionsOf<Meta>>, Meta>,
): DefensePlugin<OptionsOf<Meta>> {
  return Object.freeze({ kind: 'defense', ...definition })
}

/** Defines a network architecture; options are typed as in `defineAttack`. */
export function defineNetwork<const Meta extends PluginMeta>(
  definition: Definition<NetworkPlugin<OptionsOf<Meta>>, Meta>,
): NetworkPlugin<OptionsOf<Meta>> {
  return Object.freeze({ kind: 'network', ...definition })
}
