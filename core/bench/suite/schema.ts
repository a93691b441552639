/** The JSON Schema of a suite file, as published in schemas/suite.schema.json, and the type it stands for. */
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
  description: "the plugin's own options; robench list says which it accepts",
} as const

const epsilon = {
  type: ['number', 'string'],
  description: 'a positive number or a fraction such as "8/255", in the units of the inputs',
} as const

const seed = { type: 'integer', minimum: 0, maximum: 4294967295 } as const

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
      description: 'lower-case letters and digits, joined by ".", "_" or "-"',
    },
    title: { type: 'string', minLength: 1 },
    description: { type: 'string' },
    plugins: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: "third parties' plugin packages: npm names, or paths relative to the suite",
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
      description: 'only the first examples; such a result is never ranked',
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
            description: `${epsilon.description}; may be left out or 0 with a transform`,
          },
          transform: transformSchema,
          curve: {
            type: 'array',
            minItems: 1,
            items: epsilon,
            description: 'further sizes of the ball, for a curve of robust accuracy',
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
              'a finished .onnx file, relative to the suite; <file>.json beside it says how to read it',
          },
          train: { type: 'boolean', description: 'prepare the model anew even if a file is named' },
          seed: { ...seed, default: 0 },
          role: {
            enum: ['defense', 'surrogate'],
            default: 'defense',
            description: 'a surrogate is not evaluated itself: attacks by transfer use it',
          },
          link: { type: 'string', pattern: '^https?://', description: 'an http address' },
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
              description: 'a list of values of that option',
            },
            description: 'options with lists of values: one attack for each combination',
          },
        },
      },
    },
    checks: {
      type: 'boolean',
      description: 'false leaves out the probes that ask whether the numbers can be believed',
    },
    seeds: { type: 'array', minItems: 1, uniqueItems: true, items: seed, default: [0] },
    batchSize: { type: 'integer', minimum: 1, default: 64 },
    timeLimitMs: {
      type: 'integer',
      minimum: 1,
      default: 3600000,
      description:
        'for one unit of work (at most 500 examples); for training: without any progress',
    },
  },
} as const

/** A suite after validation, defaults filled in. */
export type Suite = FromSchema<typeof suiteSchema>
export type SuiteDefense = Suite['defenses'][number]
