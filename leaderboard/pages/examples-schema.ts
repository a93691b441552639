/** The JSON Schema of what an entry's examples show: `<id>.examples.json` beside the entry. */
import type { FromSchema } from 'json-schema-to-ts'
import { sha256Schema as sha256 } from '../../core/base/hash.ts'

const text = { type: 'string', minLength: 1 } as const
const count = { type: 'integer', minimum: 0 } as const
const png = {
  type: 'string',
  pattern: '^[A-Za-z0-9+/]+={0,2}$',
  maxLength: 400_000,
  description: 'a PNG in base64',
} as const

const prediction = {
  type: 'object',
  additionalProperties: false,
  required: ['class', 'margin'],
  properties: {
    class: { ...count, description: 'the predicted class' },
    margin: {
      type: 'number',
      description: 'logit of the label minus the largest other one: negative if misclassified',
    },
  },
} as const

const pictureSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['example', 'label', 'state', 'attack', 'clean', 'adversarial', 'images'],
  properties: {
    example: { ...count, description: 'position in the data set' },
    label: count,
    state: {
      enum: ['fooled', 'held'],
      description: 'fooled: broken by the attack; held: broken by no attack',
    },
    attack: { ...text, description: 'name of the attack whose point is shown' },
    clean: prediction,
    adversarial: prediction,
    images: {
      type: 'object',
      additionalProperties: false,
      required: ['clean', 'adversarial', 'difference', 'spectrum'],
      properties: { clean: png, adversarial: png, difference: png, spectrum: png },
    },
  },
} as const

/** The JSON Schema of the file. */
export const examplesSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:robench:schema:leaderboard-examples:1',
  title: 'robench leaderboard examples',
  type: 'object',
  additionalProperties: false,
  required: ['schemaVersion', 'entry', 'classes'],
  properties: {
    schemaVersion: { const: 1 },
    entry: { ...sha256, description: 'sha256 of the entry as canonical JSON' },
    classes: {
      type: 'array',
      minItems: 2,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'total', 'correct', 'robust'],
        properties: { name: text, total: count, correct: count, robust: count },
      },
    },
    confusion: {
      type: 'array',
      items: { type: 'array', items: count },
      description:
        'by class and predicted class: of an example that no attack breaks, the label; of one that ' +
        'is broken, the class of the point of the first attack that breaks it; of one that is ' +
        'misclassified without an attack, the class of the clean example',
    },
    adversarials: {
      ...sha256,
      description: 'of the index of adversarial examples, as in the entry',
    },
    pictures: { type: 'array', maxItems: 48, items: pictureSchema },
  },
} as const

/** What the examples of an entry show. */
export type EntryExamples = FromSchema<typeof examplesSchema>

/** One example of the gallery. */
export type ExamplePicture = FromSchema<typeof pictureSchema>
