/** The JSON Schema of a leaderboard entry. */
import { sha256Schema as sha256 } from '../core/base/hash.ts'
import { visibleText } from '../core/base/visible-text.ts'
import { verdicts } from '../core/bench/checks/check.ts'
import { norms } from '../core/threat/threat-model.ts'
import { threatTargetSchema } from '../core/threat/target.ts'
import { givenSchema } from '../core/threat/threat-model.ts'
import { transformSchema } from '../core/threat/transforms/table.ts'

const text = { type: 'string', minLength: 1 } as const
/** Larger whole numbers are not exact. */
const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
const milliseconds = { type: 'number', minimum: 0 } as const
const options = { type: 'object' } as const
const slug = {
  type: 'string',
  pattern: '^[a-z0-9]+([._-][a-z0-9]+)*$',
  description: 'lowercase letters and digits, joined by ".", "_", or "-"',
} as const
const webAddress = {
  type: 'string',
  pattern: '^https?://[^\\s/]',
  description: 'an http or https URL',
} as const

const curveSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['epsilons', 'robust'],
  properties: {
    epsilons: { type: 'array', minItems: 1, items: { type: 'number', minimum: 0 } },
    robust: { type: 'array', minItems: 1, items: count },
  },
  description: 'robust examples at each epsilon, ascending',
} as const

const attackSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'name',
    'plugin',
    'version',
    'options',
    'seed',
    'wrong',
    'robust',
    'broken',
    'brokenAlone',
    'outcomes',
    'forwardPasses',
    'backwardPasses',
    'elapsedMs',
  ],
  properties: {
    name: text,
    plugin: text,
    version: count,
    options,
    seed: count,
    wrong: count,
    robust: count,
    broken: count,
    brokenAlone: count,
    package: text,
    outcomes: {
      type: 'string',
      pattern: '^[A-Za-z0-9+/]+={0,2}$',
      description:
        'per example two bits, four examples a byte, lowest bits first, in base64: 0 misclassified ' +
        'without attack, 1 robust, 2 broken, 3 misclassified, but correct when corrupted',
    },
    silentSuccesses: count,
    draws: {
      type: 'integer',
      minimum: 1,
      description: 'for a stochastic model: predictions per example',
    },
    curve: curveSchema,
    forwardPasses: count,
    backwardPasses: count,
    elapsedMs: milliseconds,
    corrupted: {
      ...count,
      description:
        'for a corruption: correct on the corrupted images, including examples misclassified in ' +
        'their original form',
    },
  },
} as const

/** The JSON Schema of an entry. */
export const entrySchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:robench:schema:leaderboard-entry:2',
  title: 'robench leaderboard entry',
  type: 'object',
  additionalProperties: false,
  required: [
    'schemaVersion',
    'id',
    'title',
    'authors',
    'dataset',
    'threatModel',
    'defense',
    'model',
    'clean',
    'attacks',
    'worstCase',
    'checks',
    'evidence',
    'links',
    'run',
  ],
  properties: {
    schemaVersion: { const: 2 },
    id: slug,
    title: visibleText,
    authors: { type: 'array', items: text },
    venue: { ...text, description: 'where it was published: a conference, a journal, arXiv' },
    year: { type: 'integer', minimum: 1950, maximum: 2200 },
    architecture: { ...text, description: 'of the network, such as "ResNet-18"' },
    extraData: { ...text, description: 'further training data, such as "1M synthetic images"' },
    citation: {
      ...text,
      pattern: '^@[A-Za-z]+\\{.*\\}$',
      description: 'a BibTeX entry on one line',
    },
    dataset: {
      type: 'object',
      additionalProperties: false,
      required: ['id', 'title', 'sha256', 'examples'],
      properties: {
        id: slug,
        title: visibleText,
        sha256,
        examples: { type: 'integer', minimum: 1 },
      },
    },
    threatModel: {
      type: 'object',
      additionalProperties: false,
      required: ['norm', 'epsilon', 'bounds'],
      properties: {
        norm: { enum: norms },
        epsilon: { type: 'number', minimum: 0, description: '0 only with a transform' },
        bounds: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 },
        transform: transformSchema,
        target: threatTargetSchema,
        given: givenSchema,
      },
    },
    defense: {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'plugin', 'version', 'options'],
      properties: {
        name: { ...text, description: 'in the suite' },
        plugin: text,
        version: count,
        options,
        package: text,
      },
    },
    model: {
      type: 'object',
      additionalProperties: false,
      required: ['sha256', 'bytes', 'parameters'],
      properties: { sha256, bytes: count, parameters: count },
    },
    clean: {
      type: 'object',
      additionalProperties: false,
      required: ['correct'],
      properties: { correct: count },
    },
    attacks: { type: 'array', minItems: 1, items: attackSchema },
    worstCase: {
      type: 'object',
      additionalProperties: false,
      required: ['robust'],
      properties: { robust: count, curve: curveSchema },
    },
    checks: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['id', 'verdict', 'value', 'threshold', 'evidence'],
        properties: {
          id: slug,
          verdict: { enum: verdicts },
          value: { type: ['number', 'null'] },
          threshold: { type: ['number', 'null'] },
          evidence: text,
        },
      },
    },
    evidence: {
      type: 'object',
      additionalProperties: false,
      required: ['result', 'units'],
      properties: {
        result: { ...sha256, description: 'sha256 of the result as canonical JSON' },
        units: { ...sha256, description: 'of the chunks, from the result' },
        adversarials: { ...sha256, description: 'of the index of adversarial examples' },
      },
    },
    links: {
      type: 'object',
      additionalProperties: false,
      properties: { paper: webAddress, code: webAddress, more: webAddress },
    },
    run: {
      type: 'object',
      additionalProperties: false,
      required: ['robenchVersion', 'packages', 'suite', 'finishedAt', 'command', 'environment'],
      properties: {
        robenchVersion: text,
        packages: {
          type: 'array',
          minItems: 1,
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['name', 'version', 'integrity'],
            properties: { name: text, version: text, integrity: sha256 },
          },
        },
        suite: {
          type: 'object',
          additionalProperties: false,
          required: ['id', 'title', 'sha256', 'content'],
          properties: { id: text, title: visibleText, sha256, content: { type: 'object' } },
        },
        finishedAt: text,
        command: text,
        environment: { type: 'object', additionalProperties: { type: ['string', 'integer'] } },
      },
    },
    training: { type: 'object' },
  },
} as const
