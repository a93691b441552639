/** The JSON Schema of a suite file, published as schemas/suite.schema.json, and its type. */
import type { FromSchema } from 'json-schema-to-ts'
import { optionLimits } from '../../base/option-limits.ts'
import { visibleText } from '../../base/visible-text.ts'
import { imageSettingsSchema } from '../../data/images/settings.ts'
import { givenSchema, norms } from '../../threat/threat-model.ts'
import { suiteTargetSchema } from '../../threat/target.ts'
import { transformSchema } from '../../threat/transforms/table.ts'
import {
  mostAttacks,
  mostClasses,
  mostCurvePoints,
  mostExamples,
  mostMemoryMb,
  mostRows,
  mostSeeds,
  mostText,
  mostTimeMs,
} from './limits.ts'

const name = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  maxLength: mostText.name,
  description: 'a name of letters, digits, ".", "_" and "-"',
} as const

const options = {
  type: 'object',
  description: 'options of the plugin; `robench list` shows them',
} as const

const path = { type: 'string', minLength: 1, maxLength: mostText.path } as const

const title = { ...visibleText, maxLength: mostText.title } as const

const plugin = { type: 'string', minLength: 1, maxLength: mostText.plugin } as const

const epsilon = {
  type: ['number', 'string'],
  maximum: optionLimits.size,
  maxLength: 100,
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
    $schema: { type: 'string', maxLength: mostText.link },
    id: {
      type: 'string',
      pattern: '^[a-z0-9]+([._-][a-z0-9]+)*$',
      maxLength: mostText.name,
      description: 'lowercase letters and digits, joined by ".", "_" or "-"',
    },
    title,
    description: { type: 'string', maxLength: mostText.description },
    plugins: {
      type: 'array',
      items: path,
      maxItems: 100,
      description: 'third-party plugin packages: npm names, or paths relative to the suite',
    },
    dataset: {
      type: 'object',
      additionalProperties: false,
      properties: {
        id: { ...path, description: 'a built-in data set; `robench list datasets`' },
        inputs: { ...path, description: 'a .npy file of images [n, c, h, w]' },
        labels: { ...path, description: 'a .npy file of labels' },
        path: {
          ...path,
          description: 'a folder of images, an .npz archive, a .parquet table, or a description',
        },
        title,
        bounds: {
          type: 'array',
          items: { type: 'number', minimum: -optionLimits.size, maximum: optionLimits.size },
          minItems: 2,
          maxItems: 2,
          description: 'range of the pixels; default: [0, 1]',
        },
        classNames: {
          type: 'array',
          items: { type: 'string', maxLength: mostText.className },
          minItems: 2,
          maxItems: mostClasses,
          description: 'names of all classes of the models, in their order',
        },
        image: imageSettingsSchema,
        columns: {
          type: 'object',
          additionalProperties: false,
          properties: { inputs: path, labels: path },
          description: 'names of the arrays of an archive, or of the columns of a table',
        },
        targets: { ...path, description: 'a .npy file with a target class for each image' },
        epsilons: { ...path, description: 'a .npy file with an ε for each image' },
        box: {
          type: 'object',
          additionalProperties: false,
          required: ['lower', 'upper'],
          properties: { lower: path, upper: path },
          description: 'two .npy files with the lowest and the highest value of each pixel',
        },
      },
      oneOf: [{ required: ['id'] }, { required: ['inputs', 'labels'] }, { required: ['path'] }],
      description: '{"id": …}, {"inputs": "x.npy", "labels": "y.npy"}, or {"path": …}',
    },
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: mostExamples,
      description: 'evaluates only the first examples; such a result is never ranked',
    },
    sample: {
      type: 'object',
      additionalProperties: false,
      required: ['count'],
      properties: {
        count: { type: 'integer', minimum: 1, maximum: mostExamples },
        seed: { ...seed, default: 0 },
      },
      description:
        'evaluates a random sample with the same share of each class; such a result is never ranked',
    },
    threatModels: {
      type: 'array',
      minItems: 1,
      maxItems: mostRows,
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
          target: suiteTargetSchema,
          given: {
            ...givenSchema,
            description: '"epsilons" or "box": the file of the data takes the place of epsilon',
          },
          curve: {
            type: 'array',
            minItems: 1,
            maxItems: mostCurvePoints,
            items: epsilon,
            description: 'further epsilons, for a curve of robust accuracy',
          },
        },
      },
    },
    defenses: {
      type: 'array',
      minItems: 1,
      maxItems: mostRows,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'plugin'],
        properties: {
          name,
          plugin,
          options,
          model: {
            ...path,
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
          link: {
            type: 'string',
            pattern: '^https?://',
            maxLength: mostText.link,
            description: 'an http or https URL',
          },
        },
      },
    },
    attacks: {
      type: 'array',
      minItems: 1,
      maxItems: mostAttacks,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['plugin'],
        properties: {
          name,
          plugin,
          options,
          matrix: {
            type: 'object',
            minProperties: 1,
            additionalProperties: {
              type: 'array',
              minItems: 1,
              maxItems: mostAttacks,
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
      maximum: optionLimits.rounds,
      description:
        'for a stochastic model: predictions per point, of which most must be correct; default: 10',
    },
    seeds: {
      type: 'array',
      minItems: 1,
      maxItems: mostSeeds,
      uniqueItems: true,
      items: seed,
      default: [0],
    },
    batchSize: { type: 'integer', minimum: 1, maximum: optionLimits.batch, default: 64 },
    timeLimitMs: {
      type: 'integer',
      minimum: 1,
      maximum: mostTimeMs,
      default: 3600000,
      description:
        'limit for one chunk of work (at most 500 examples); for training, limit without progress',
    },
    stallLimitMs: {
      type: 'integer',
      minimum: 1,
      maximum: mostTimeMs,
      default: 600000,
      description: 'time without progress after which a worker is stopped; default: 10 minutes',
    },
    memoryLimitMb: {
      type: 'integer',
      minimum: 256,
      maximum: mostMemoryMb,
      description:
        'memory of a worker with third-party plugins; default: an equal share of the machine, ' +
        'at least 4 GiB',
    },
  },
} as const

/** A validated suite with defaults filled in. */
export type Suite = FromSchema<typeof suiteSchema>
/** A defense of a suite. */
export type SuiteDefense = Suite['defenses'][number]
