/** The JSON Schema of a suite file, published as schemas/suite.schema.json, and its type. */
import type { FromSchema } from 'json-schema-to-ts'
import { norms } from '../../threat/threat-model.ts'
import { transformSchema } from '../../threat/transforms/table.ts'

const name = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  description: 'a name of letters, digits, ".", "_" and "-"',
} as const

const options = {
  type: 'object',
  description: 'options of the plugin; `robench list` shows them',
} as const

const epsilon = {
  type: ['number', 'string'],
  description: 'a positive number or a fraction such as "8/255", in the units of the inputs',
} as const

const seed = { type: 'integer', minimum: 0, maximum: 4294967295 } as const

/** The schema of a suite file. */
export const suiteSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:robench:schema:suite:1',
  title: 'robench suite',
  type: 'object',
  additionalProperties: false,
  required: ['id', 'title', 'dataset', 'threatModels', 'defenses', 'attacks'],
  properties: {
    $schema: { type: 'string' },
    id: {
      type: 'string',
      pattern: '^[a-z0-9]+([._-][a-z0-9]+)*$',
      description: 'lowercase letters and digits, joined by ".", "_" or "-"',
    },
    title: { type: 'string', minLength: 1 },
    description: { type: 'string' },
    plugins: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: 'third-party plugin packages: npm names, or paths relative to the suite',
    },
    dataset: {
      type: 'object',
      additionalProperties: false,
      properties: {
        id: { type: 'string', minLength: 1 },
        inputs: { type: 'string', minLength: 1 },
        labels: { type: 'string', minLength: 1 },
        title: { type: 'string', minLength: 1 },
      },
      oneOf: [{ required: ['id'] }, { required: ['inputs', 'labels'] }],
      description: 'either {"id": …} or {"inputs": "x.npy", "labels": "y.npy"}',
    },
    limit: {
      type: 'integer',
      minimum: 1,
      description: 'evaluates only the first examples; such a result is never ranked',
    },
    threatModels: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['norm'],
        properties: {
          norm: { enum: norms },
          epsilon: {
            ...epsilon,
            description: `${epsilon.description}; may be omitted or 0 with a transform`,
          },
          transform: transformSchema,
          curve: {
            type: 'array',
            minItems: 1,
            items: epsilon,
            description: 'further epsilons, for a curve of robust accuracy',
          },
        },
      },
    },
    defenses: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'plugin'],
        properties: {
          name,
          plugin: { type: 'string', minLength: 1 },
          options,
          model: {
            type: 'string',
            minLength: 1,
            description:
              'an .onnx file, relative to the suite; <file>.json next to it describes its input',
          },
          train: {
            type: 'boolean',
            description: 'prepares the model again even if a file is named',
          },
          seed: { ...seed, default: 0 },
          role: {
            enum: ['defense', 'surrogate'],
            default: 'defense',
            description: 'a surrogate is not evaluated; transfer attacks use its model',
          },
          link: { type: 'string', pattern: '^https?://', description: 'an http or https URL' },
        },
      },
    },
    attacks: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['plugin'],
        properties: {
          name,
          plugin: { type: 'string', minLength: 1 },
          options,
          matrix: {
            type: 'object',
            minProperties: 1,
            additionalProperties: {
              type: 'array',
              minItems: 1,
              description: 'a list of values of the option',
            },
            description: 'options with lists of values: one attack per combination',
          },
        },
      },
    },
    checks: {
      type: 'boolean',
      description: 'false skips the reliability probes',
    },
    draws: {
      type: 'integer',
      minimum: 1,
      description:
        'for a stochastic model: predictions per point, of which most must be correct; default: 10',
    },
    seeds: { type: 'array', minItems: 1, uniqueItems: true, items: seed, default: [0] },
    batchSize: { type: 'integer', minimum: 1, default: 64 },
    timeLimitMs: {
      type: 'integer',
      minimum: 1,
      default: 3600000,
      description:
        'limit for one chunk of work (at most 500 examples); for training, limit without progress',
    },
  },
} as const

/** A validated suite with defaults filled in. */
export type Suite = FromSchema<typeof suiteSchema>
/** A defense of a suite. */
export type SuiteDefense = Suite['defenses'][number]
