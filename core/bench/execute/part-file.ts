/** The file `shard.json` of a run that computed one part of a plan: what a merged result states. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RunError } from '../../base/errors.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import { hashJson, sha256Schema } from '../../base/hash.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { readText } from '../../base/read-file.ts'
import { compileSchema } from '../../base/schema.ts'
import type { PlanPart } from '../forecast/part.ts'
import { cellId, unitsOf } from '../plan/cell.ts'
import type { Cell } from '../plan/cell.ts'
import type { Plan, PlannedCell } from '../plan/plan.ts'
import { checkSuite } from '../suite/load.ts'
import type { AssembledRow, AssembledSuite, AssemblyInput, RunEnvironment } from './assemble.ts'

/** A cell of the plan. Its id and units follow from it. */
interface NamedCell {
  /** Name in the suite; empty for clean predictions and probes. */
  readonly name: string
  readonly cell: Cell
}

/** A row of the plan with its model. Surrogates have no cells. */
interface PartRow {
  readonly row: AssembledRow
  readonly curve?: readonly number[]
  readonly cells: readonly NamedCell[]
}

/** What all parts of one plan have in common. */
interface SharedContent {
  readonly suite: AssembledSuite
  readonly rows: readonly PartRow[]
  readonly saveAdversarial: boolean
}

/** The content of `shard.json`. */
export interface PartFile {
  readonly schemaVersion: 1
  readonly part: PlanPart
  /** Hash of `shared`. */
  readonly plan: string
  readonly shared: SharedContent
  /** Failed cells, by id. */
  readonly errors: Readonly<Record<string, ErrorRecord>>
  readonly startedAt: string
  readonly finishedAt: string
  readonly environment: RunEnvironment
}

/** Name of the file in its results directory. */
export const partFileName = 'shard.json'

/** What a part was computed from. */
export interface PartContent extends Pick<
  AssemblyInput,
  'resolved' | 'rows' | 'plan' | 'errors' | 'startedAt' | 'environment'
> {
  readonly part: PlanPart
  readonly saveAdversarial: boolean
}

/** The text of `shard.json`. */
export function encodePart(content: PartContent): string {
  const { part, errors, startedAt, environment } = content
  const shared = sharedContent(content)
  const file: PartFile = {
    schemaVersion: 1,
    part,
    plan: hashJson(shared),
    shared,
    errors: Object.fromEntries(errors),
    startedAt,
    finishedAt: new Date().toISOString(),
    environment,
  }
  return `${JSON.stringify(file, undefined, 1)}\n`
}

/** Largest file: the cells of the largest suite take about 100 MB. */
const mostPartBytes = 2 ** 28

const text = { type: 'string' } as const
const count = { type: 'integer', minimum: 0, maximum: 2 ** 31 } as const
const object = { type: 'object' } as const
const objects = { type: 'array', items: object } as const

/** What `merge` reads before it compares the hash. */
const partSchema = {
  type: 'object',
  required: ['schemaVersion', 'part', 'plan', 'shared', 'errors', 'startedAt', 'finishedAt'],
  properties: {
    schemaVersion: { const: 1 },
    part: {
      ...object,
      required: ['index', 'count'],
      properties: { index: count, count: { ...count, maximum: 10_000 } },
    },
    plan: text,
    startedAt: text,
    finishedAt: text,
    errors: { ...object, additionalProperties: { ...object, required: ['code', 'message'] } },
    environment: object,
    shared: {
      ...object,
      required: ['suite', 'rows', 'saveAdversarial'],
      properties: {
        saveAdversarial: { type: 'boolean' },
        suite: {
          ...object,
          required: ['loaded', 'packages', 'examples', 'dataset', 'attacks'],
          properties: {
            loaded: {
              ...object,
              required: ['suite', 'sha256'],
              properties: { suite: object, sha256: sha256Schema },
            },
            packages: objects,
            examples: count,
            dataset: { ...object, required: ['id', 'title', 'hash', 'toy', 'total'] },
            attacks: objects,
          },
        },
        rows: {
          type: 'array',
          items: {
            ...object,
            required: ['row', 'cells'],
            properties: {
              row: {
                ...object,
                required: ['defense', 'threatModel'],
                properties: {
                  defense: { ...object, required: ['name'], properties: { name: text } },
                  threatModel: object,
                },
              },
              cells: {
                type: 'array',
                items: {
                  ...object,
                  required: ['name', 'cell'],
                  properties: {
                    name: text,
                    cell: {
                      ...object,
                      required: ['kind', 'examples'],
                      properties: {
                        kind: { enum: ['clean', 'checks', 'attack'] },
                        examples: { ...count, maximum: 10_000_000 },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
} as const

/**
 * Reads the file of a results directory; undefined if it has none.
 * @throws RunError ROBENCH_STORE if it is damaged
 */
export function readPart(folder: string): PartFile | undefined {
  const path = join(folder, partFileName)
  if (!existsSync(path)) return undefined
  const text = readText(path, { code: 'ROBENCH_STORE', mostBytes: mostPartBytes })
  const { value, problems } = compileSchema(partSchema)(parseJsonText(text, path))
  if (problems.length === 0) {
    // The schema has checked what is read first; the hash is that of what a run wrote.
    const file = value as PartFile
    const { loaded } = file.shared.suite
    checkSuite(loaded.suite, `${path}#/shared/suite/loaded/suite`, folder)
    if (hashJson(file.shared) === file.plan) return file
  }
  throw new RunError('ROBENCH_STORE', `${path}: is damaged, or of another version of robench`)
}

/** The plan and the rows that a part was computed from. Estimates of passes are not kept. */
export function planOfPart({ shared }: PartFile): Pick<AssemblyInput, 'rows' | 'plan'> {
  const planned = shared.rows.filter(({ row }) => !row.defense.surrogate)
  const rows = planned.map(({ row, curve, cells }): Plan['rows'][number] => {
    const named = cells.map(({ name, cell }) => ({ name, ...plannedCell(cell) }))
    const checks = named.find((one) => isKind(one, 'checks'))
    return {
      name: row.defense.name,
      threatModel: row.threatModel,
      ...(curve && { curve }),
      clean: named.find((one) => isKind(one, 'clean')) ?? missingCell(row.defense.name),
      ...(checks && { checks }),
      attacks: named.filter((one) => isKind(one, 'attack')),
    }
  })
  const units = rows.flatMap(({ clean, checks, attacks }) =>
    [clean, ...(checks ? [checks] : []), ...attacks].flatMap((cell) => cell.units),
  )
  const unique = new Map(units.map((unit) => [unit.id, unit]))
  return { rows: shared.rows.map(({ row }) => row), plan: { rows, units: [...unique.values()] } }
}

function missingCell(defense: string): never {
  throw new RunError(
    'ROBENCH_STORE',
    `${partFileName}: is damaged: defense "${defense}" has no clean predictions`,
  )
}

function isKind<K extends Cell['kind']>(
  planned: { readonly name: string } & PlannedCell<Cell>,
  kind: K,
): planned is { readonly name: string } & PlannedCell<Extract<Cell, { readonly kind: K }>> {
  return planned.cell.kind === kind
}

function plannedCell(cell: Cell): PlannedCell<Cell> {
  const passes = { forward: 0, backward: 0 }
  return { id: cellId(cell), cell, units: unitsOf(cell), passes, verification: 0 }
}

function sharedContent({ resolved, rows, plan, saveAdversarial }: PartContent): SharedContent {
  const { loaded, packages, examples, dataset, attacks } = resolved
  let next = 0
  return {
    suite: {
      loaded: { suite: loaded.suite, sha256: loaded.sha256 },
      packages,
      examples,
      dataset: datasetFacts(dataset),
      attacks: attacks.map(({ plugin, facts }) => ({ plugin, facts })),
    },
    rows: rows.map((row) => {
      const planned = row.defense.surrogate ? undefined : plan.rows[next++]
      return {
        row: rowFacts(row),
        ...(planned?.curve && { curve: planned.curve }),
        cells: planned ? cellsOf(planned) : [],
      }
    }),
    saveAdversarial,
  }
}

function cellsOf({ clean, checks, attacks }: Plan['rows'][number]): NamedCell[] {
  return [
    { name: '', cell: clean.cell },
    ...(checks ? [{ name: '', cell: checks.cell }] : []),
    ...attacks.map(({ name, cell }) => ({ name, cell })),
  ]
}

function rowFacts({ threatModel, defense, model }: AssembledRow): AssembledRow {
  const { name, plugin, version, options, surrogate, link } = defense
  return {
    threatModel,
    defense: {
      name,
      plugin,
      version,
      options,
      surrogate,
      ...(defense.package && { package: defense.package }),
      ...(link !== undefined && { link }),
    },
    ...(model && {
      model: {
        identity: model.identity,
        classes: model.classes,
        remarks: model.remarks,
        ...(model.training && { training: model.training }),
      },
    }),
  }
}

function datasetFacts(dataset: AssembledSuite['dataset']): AssembledSuite['dataset'] {
  const { id, title, hash, toy, total, sample, doubts } = dataset
  return {
    id,
    title,
    hash,
    toy,
    total,
    ...(sample && { sample }),
    ...(doubts && { doubts }),
  }
}
