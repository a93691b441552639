/** The JSON Schema of a plugin's `meta`, as published in schemas/plugin-meta.schema.json. */
import { norms } from '../threat/threat-model.ts'
import { transformKinds } from '../threat/transforms/table.ts'
import { hostApiVersion } from './api-version.ts'
import type { OptionRole } from './contract.ts'

const id = {
  type: 'string',
  pattern: '^([a-z0-9]+(-[a-z0-9]+)*/)?[a-z0-9]+(-[a-z0-9]+)*$',
  description: 'kebab-case, optionally prefixed with its author: "pgd" or "acme/blur"',
} as const

/**
 * Keys of the meta of every plugin. Unknown keys produce a notice: they may come from a newer
 * contract.
 */
const common = {
  id,
  apiVersion: {
    type: 'integer',
    minimum: 1,
    description: `version of the plugin contract; this robench supports up to ${hostApiVersion}`,
  },
  version: {
    type: 'integer',
    minimum: 1,
    description: "increased by one whenever the plugin's results may change",
  },
  title: { type: 'string', minLength: 1 },
  source: {
    type: 'object',
    required: ['authors', 'year', 'url'],
    properties: {
      authors: { type: 'string' },
      year: { type: 'integer' },
      title: { type: 'string' },
      url: { type: 'string' },
    },
  },
  provenance: { enum: ['paper+code', 'paper', 'author-code+abstract', 'abstract-only', 'own'] },
  optionsSchema: { type: 'object', description: 'JSON Schema (2020-12) of the options' },
} as const

const commonRequired = ['id', 'apiVersion', 'version', 'title', 'provenance'] as const

const roleMeanings = {
  attack: 'an attack to wrap, {id, options}',
  models: 'a list of names of other models of the suite',
  network: 'a network plugin, {id, options}',
  path: 'a file, relative to the suite',
} as const satisfies Record<OptionRole, string>

/** The schema of `optionRoles` for plugins that may declare those roles. */
function roles(...allowed: readonly OptionRole[]): object {
  const meanings = allowed.map((role) => `"${role}": ${roleMeanings[role]}`)
  return {
    type: 'object',
    additionalProperties: { enum: allowed },
    description: `options that have a meaning for the host, by name: ${meanings.join('; ')}`,
  }
}

/** One schema per kind of plugin. */
export const pluginMetaSchemas = {
  attack: {
    type: 'object',
    required: [...commonRequired, 'norms', 'knowledge', 'goals', 'stochastic'],
    properties: {
      ...common,
      norms: { type: 'array', minItems: 1, items: { enum: norms } },
      knowledge: { enum: ['white-box', 'black-box'] },
      goals: { type: 'array', minItems: 1, items: { enum: ['untargeted', 'targeted'] } },
      stochastic: { type: 'boolean', description: 'true if the seed can change the outcome' },
      streamsOf: {
        type: 'string',
        description: 'id of the attack whose random numbers it uses; default: its own',
      },
      transforms: {
        type: 'array',
        minItems: 1,
        items: { enum: transformKinds },
        description: 'transforms of a threat model that it uses',
      },
      transformOptional: {
        type: 'boolean',
        description: 'true if it also works without a transform',
      },
      minimumNorm: {
        type: 'boolean',
        description: 'true if it returns the nearest adversarial points that it found',
      },
      restricted: {
        type: 'boolean',
        description: 'true if it searches only a part of the ball, such as some frequencies',
      },
      optionRoles: roles('attack', 'models', 'path'),
    },
  },
  defense: {
    type: 'object',
    required: [...commonRequired, 'trains'],
    properties: {
      ...common,
      trains: { type: 'boolean', description: 'true if prepare() needs the training split' },
      optionRoles: roles('network', 'path'),
    },
  },
  network: { type: 'object', required: commonRequired, properties: common },
} as const

/** The published schema: the meta of a plugin of any kind. */
export const pluginMetaSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:robench:schema:plugin-meta:1',
  title: 'robench plugin meta',
  $defs: pluginMetaSchemas,
  anyOf: [{ $ref: '#/$defs/attack' }, { $ref: '#/$defs/defense' }, { $ref: '#/$defs/network' }],
} as const
