/** The site as files for programs: `api/v1`, JSON with a schema. */
import type { FromSchema } from 'json-schema-to-ts'
import type { Proportion } from '../../reports/theme/proportion.ts'
import { threatModelText } from '../../reports/theme/threat-text.ts'
import { entryLocation } from '../entry.ts'
import { entrySchema } from '../entry-schema.ts'
import type { RankedEntry, RankedTable } from '../ranking.ts'

const count = { type: 'integer', minimum: 0 } as const
const share = { type: 'number', minimum: 0, maximum: 1 } as const
const text = { type: 'string' } as const

const proportionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['count', 'total', 'fraction', 'low', 'high'],
  properties: { count, total: count, fraction: share, low: share, high: share },
  description: 'count / total, with the bounds of its 95 % Wilson interval',
} as const

const summarySchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'location',
    'table',
    'title',
    'authors',
    'dataset',
    'threatModel',
    'defense',
    'model',
    'clean',
    'worstCase',
    'bestKnown',
    'rank',
    'attacks',
    'evidence',
    'finishedAt',
    'files',
  ],
  properties: {
    location: { ...text, description: '<data set>/<threat model>/<id>' },
    table: { ...text, description: 'id of the table' },
    title: text,
    authors: { type: 'array', items: text },
    dataset: text,
    threatModel: text,
    defense: text,
    model: { ...text, description: 'sha256 of the file' },
    clean: proportionSchema,
    worstCase: { ...proportionSchema, description: 'over all attacks of the entry' },
    bestKnown: { ...proportionSchema, description: 'over all entries of the same model' },
    rank: {
      type: 'object',
      additionalProperties: false,
      required: ['best', 'worst'],
      properties: { best: count, worst: count },
      description: 'first and last position of the models that share the rank',
    },
    attacks: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'plugin', 'version', 'robust', 'brokenAlone'],
        properties: {
          name: text,
          plugin: text,
          version: count,
          robust: proportionSchema,
          brokenAlone: count,
        },
      },
    },
    evidence: { enum: ['checked', 'self-reported'] },
    supplementTo: {
      ...text,
      description:
        'location of the entry of the same model that has the reference attacks, if this one only ' +
        'adds further attacks',
    },
    finishedAt: text,
    files: {
      type: 'object',
      additionalProperties: false,
      required: ['page', 'entry', 'suite', 'csv', 'npz', 'bibtex', 'badge'],
      properties: {
        page: text,
        entry: text,
        suite: text,
        csv: text,
        npz: text,
        bibtex: text,
        badge: text,
      },
      description: 'paths relative to the root of the site',
    },
  },
} as const

const tableSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['id', 'dataset', 'threatModel', 'examples', 'entries'],
  properties: {
    id: text,
    dataset: text,
    threatModel: text,
    examples: count,
    entries: { type: 'array', items: summarySchema, description: 'by rank' },
  },
} as const

/** The JSON Schema of `api/v1/all.json`. A table is one of its `tables`, an entry of their `entries`. */
export const apiSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:robench:schema:leaderboard-api:1',
  title: 'robench leaderboard, all tables',
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'tables'],
  properties: { apiVersion: { const: 1 }, tables: { type: 'array', items: tableSchema } },
} as const

type ApiDocument = FromSchema<typeof apiSchema>
type ApiTable = ApiDocument['tables'][number]
type ApiEntry = ApiTable['entries'][number]

/**
 * The files below `api/v1`: `all.json`, `tables/<id>.json`, `entries/<location>.json`, and the
 * schemas of these and of whole entries.
 */
export function apiFiles(tables: readonly RankedTable[]): Map<string, string> {
  const files = new Map<string, string>()
  const put = (path: string, value: unknown): void => {
    files.set(`api/v1/${path}`, `${JSON.stringify(value, undefined, 2)}\n`)
  }
  const all = tables.map(apiTable)
  put('all.json', { apiVersion: 1, tables: all } satisfies ApiDocument)
  put('schema.json', apiSchema)
  put('entry-schema.json', entrySchema)
  for (const table of all) {
    put(`tables/${table.id}.json`, table)
    for (const entry of table.entries) put(`entries/${entry.location}.json`, entry)
  }
  return files
}

function apiTable(table: RankedTable): ApiTable {
  const { anchor, dataset, threatModel, rows } = table
  return {
    id: anchor,
    dataset: dataset.title,
    threatModel: threatModelText(threatModel),
    examples: dataset.examples,
    entries: rows.flatMap(({ members }) => members.map((row) => apiEntry(row, anchor))),
  }
}

function apiEntry(row: RankedEntry, table: string): ApiEntry {
  const { entry, location, clean, worstCase, bestKnown, rank, attacks, evidence } = row
  const { supplementTo } = row
  const folder = `files/${location}`
  return {
    location,
    table,
    title: entry.title,
    authors: [...entry.authors],
    dataset: entry.dataset.title,
    threatModel: threatModelText(entry.threatModel),
    defense: entry.defense.plugin,
    model: entry.model.sha256,
    clean: apiProportion(clean),
    worstCase: apiProportion(worstCase),
    bestKnown: apiProportion(bestKnown),
    rank: { best: rank.best, worst: rank.worst },
    attacks: attacks.map(({ attack, robust }) => ({
      name: attack.name,
      plugin: attack.plugin,
      version: attack.version,
      robust: apiProportion(robust),
      brokenAlone: attack.brokenAlone,
    })),
    evidence,
    ...(supplementTo && { supplementTo: entryLocation(supplementTo) }),
    finishedAt: entry.run.finishedAt,
    files: {
      page: `entries/${location}.html`,
      entry: `entries/${location}.json`,
      suite: `${folder}/suite.json`,
      csv: `${folder}/figures.csv`,
      npz: `${folder}/outcomes.npz`,
      bibtex: `${folder}/cite.bib`,
      badge: `${folder}/badge.svg`,
    },
  }
}

function apiProportion({ count: own, total, fraction, interval }: Proportion): ApiEntry['clean'] {
  return { count: own, total, fraction, low: interval.low, high: interval.high }
}
