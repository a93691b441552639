/** A leaderboard entry: JSON Schema, type, and consistency checks. */
import { sha256Schema as sha256 } from '../core/base/hash.ts'
import type { FromSchema } from 'json-schema-to-ts'
import { ConfigError } from '../core/base/errors.ts'
import { compileSchema } from '../core/base/schema.ts'
import { transformSchema } from '../core/threat/transforms/table.ts'
import { norms } from '../core/threat/threat-model.ts'
import type { ThreatModel } from '../core/threat/threat-model.ts'
import { threatSlug } from '../core/threat/threat-slug.ts'

const text = { type: 'string', minLength: 1 } as const
const count = { type: 'integer', minimum: 0 } as const
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
  $id: 'urn:robench:schema:leaderboard-entry:1',
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
    'links',
    'run',
  ],
  properties: {
    schemaVersion: { const: 1 },
    id: slug,
    title: text,
    authors: { type: 'array', items: text },
    dataset: {
      type: 'object',
      additionalProperties: false,
      required: ['id', 'title', 'sha256', 'examples'],
      properties: { id: slug, title: text, sha256, examples: { type: 'integer', minimum: 1 } },
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
      },
    },
    defense: {
      type: 'object',
      additionalProperties: false,
      required: ['plugin', 'version', 'options'],
      properties: { plugin: text, version: count, options },
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
      properties: { robust: count },
    },
    links: {
      type: 'object',
      additionalProperties: false,
      properties: { paper: webAddress, code: webAddress, more: webAddress },
    },
    run: {
      type: 'object',
      additionalProperties: false,
      required: ['robenchVersion', 'suite', 'finishedAt', 'command', 'environment'],
      properties: {
        robenchVersion: text,
        suite: {
          type: 'object',
          additionalProperties: false,
          required: ['id', 'title', 'sha256'],
          properties: { id: text, title: text, sha256 },
        },
        finishedAt: text,
        command: text,
        environment: { type: 'object', additionalProperties: { type: ['string', 'integer'] } },
      },
    },
    training: { type: 'object' },
  },
} as const

/**
 * One defense on one data set under one threat model. Results are counts out of `dataset.examples`;
 * fractions and intervals are computed from them. Passes and times (in milliseconds) are totals per
 * attack.
 */
export type LeaderboardEntry = Omit<FromSchema<typeof entrySchema>, 'threatModel'> & {
  readonly threatModel: ThreatModel
}

/** One attack of an entry. */
export type EntryAttack = LeaderboardEntry['attacks'][number]

/**
 * Validates an entry against the schema and checks that its counts are consistent.
 * @param label name of the entry in messages
 * @throws ConfigError ROBENCH_DATA with one line per problem
 */
export function checkEntry(document: unknown, label: string): LeaderboardEntry {
  const { value, problems } = validator()(document)
  const mistakes = problems.map(({ pointer, message }) => `${label}#${pointer}: ${message}`)
  // Valid without problems; otherwise unused.
  const entry = value as LeaderboardEntry
  if (mistakes.length === 0)
    mistakes.push(...disagreements(entry).map((text) => `${label}#${text}`))
  if (mistakes.length > 0) throw new ConfigError('ROBENCH_DATA', mistakes.join('\n'))
  return entry
}

/** Compiled once, on first use: compiling takes longer than validating a whole board. */
const validator = lazily(() => compileSchema(entrySchema))

function lazily<Value>(make: () => Value): () => Value {
  let made: Value | undefined
  return () => (made ??= make())
}

/** The benchmark of an entry, its data set and threat model: `cifar10/linf-8-255`. */
export function benchmarkKey({ dataset, threatModel }: LeaderboardEntry): string {
  return `${dataset.id}/${threatSlug(threatModel)}`
}

/** The path of an entry below the entries directory: `<benchmark>/<id>`, without extension. */
export function entryLocation(entry: LeaderboardEntry): string {
  return `${benchmarkKey(entry)}/${entry.id}`
}

/** Inconsistent counts, each with its position. */
function disagreements(entry: LeaderboardEntry): string[] {
  const { examples } = entry.dataset
  const wrong = examples - entry.clean.correct
  const found: string[] = []
  if (entry.threatModel.epsilon === 0 && !entry.threatModel.transform) {
    found.push('/threatModel/epsilon: must be greater than 0 without a transform, got 0')
  }
  for (const [index, attack] of entry.attacks.entries()) {
    const sum = attack.wrong + attack.robust + attack.broken
    if (sum !== examples) {
      found.push(
        `/attacks/${index}: wrong + robust + broken must be ${examples} examples, got ${sum}`,
      )
    }
    const { corrupted } = attack
    if (corrupted !== undefined && (corrupted < attack.robust || corrupted > examples)) {
      found.push(
        `/attacks/${index}/corrupted: must be at least ${attack.robust} (robust) and at most ` +
          `${examples} examples, got ${corrupted}`,
      )
    }
    if (attack.wrong !== wrong) {
      found.push(
        `/attacks/${index}/wrong: must be ${wrong} (examples - clean.correct), got ${attack.wrong}`,
      )
    }
  }
  const weakest = Math.min(...entry.attacks.map(({ robust }) => robust))
  if (entry.worstCase.robust > weakest) {
    found.push(
      `/worstCase/robust: must be at most ${weakest} (robust under the strongest attack), ` +
        `got ${entry.worstCase.robust}`,
    )
  }
  return found
}
