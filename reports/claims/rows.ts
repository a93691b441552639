/** Rows of several results, joined: one row per defense and setting, with all its trainings. */
import { canonicalJson } from '../../core/base/hash.ts'
import type {
  AttackIdentity,
  CompletedAttack,
  DefenseIdentity,
  ResultEntry,
  RunResult,
} from '../../core/bench/result/result.ts'

/** A model of a row, with the attacks of all results that evaluate it in the row's setting. */
export interface RowModel {
  readonly sha256: string
  /** Name in its suite. */
  readonly name: string
  readonly training: Readonly<Record<string, unknown>>
  readonly attacks: readonly CompletedAttack[]
  /** Ids of the reliability checks that failed in any of the results, sorted. */
  readonly failedChecks: readonly string[]
}

/** A defense with its options under one threat model on the same examples of one data set. */
export interface Row extends Pick<DefenseIdentity, 'plugin' | 'version' | 'options'> {
  readonly dataset: ResultEntry['dataset']
  readonly threatModel: ResultEntry['threatModel']
  /** One per training, in the order of training seeds, then of results. */
  readonly models: readonly RowModel[]
}

/**
 * Joins the entries of all results. Entries of one model in one setting become one model with the
 * attacks of both; models of one defense with equal options become trainings of one row.
 */
export function joinRows(results: readonly RunResult[]): Row[] {
  const groups = new Map<string, ResultEntry[]>()
  for (const entry of results.flatMap(({ entries }) => entries)) {
    const { plugin, version, options } = entry.defense
    const { id, sha256, examples } = entry.dataset
    const key = canonicalJson([plugin, version, options, id, sha256, examples, entry.threatModel])
    groups.set(key, [...(groups.get(key) ?? []), entry])
  }
  return [...groups.values()].map((entries) => {
    const { defense, dataset, threatModel } = entries[0]!
    const { plugin, version, options } = defense
    return { plugin, version, options, dataset, threatModel, models: joinModels(entries) }
  })
}

/**
 * One row for each model and setting, with the attacks of all rows that have it: a file may be the
 * model of a training and of `onnx-model`. The row is named after the training.
 */
export function joinByModel(rows: readonly Row[]): Row[] {
  const joined = new Map<string, Row>()
  const named = rows.toSorted((a, b) => Number(isFile(a)) - Number(isFile(b)))
  for (const row of named) {
    for (const model of row.models) {
      const { id, sha256, examples } = row.dataset
      const key = canonicalJson([model.sha256, id, sha256, examples, row.threatModel])
      const known = joined.get(key)
      const [first] = known?.models ?? []
      const attacks = joinAttacks(first?.attacks ?? [], model.attacks)
      const failedChecks = joinNames(first?.failedChecks ?? [], model.failedChecks)
      const whole = { ...model, ...first, attacks, failedChecks }
      joined.set(key, { ...row, ...known, models: [whole] })
    }
  }
  return [...joined.values()]
}

function isFile({ plugin }: Row): boolean {
  return plugin === 'onnx-model'
}

/** The identity of an attack and its seed: equal attacks have equal keys. */
export function attackKey({ attack, seed }: CompletedAttack): string {
  return canonicalJson([identityKey(attack), seed])
}

/** The identity of an attack without its name. */
export function identityKey({ plugin, version, options }: Omit<AttackIdentity, 'name'>): string {
  return canonicalJson([plugin, version, options])
}

function joinModels(entries: readonly ResultEntry[]): RowModel[] {
  const models = new Map<string, RowModel>()
  for (const { defense, attacks, checks } of entries) {
    const { model, name, training = {} } = defense
    const known = models.get(model.sha256)
    const completed = attacks.filter((attack) => attack.state === 'completed')
    const failed = (checks ?? []).filter(({ verdict }) => verdict === 'fail').map(({ id }) => id)
    models.set(model.sha256, {
      sha256: model.sha256,
      name: known?.name ?? name,
      training: known?.training ?? training,
      attacks: joinAttacks(known?.attacks ?? [], completed),
      failedChecks: joinNames(known?.failedChecks ?? [], failed),
    })
  }
  return [...models.values()].toSorted((a, b) => seedOf(a) - seedOf(b))
}

function joinAttacks(
  known: readonly CompletedAttack[],
  more: readonly CompletedAttack[],
): readonly CompletedAttack[] {
  const keys = new Set(known.map(attackKey))
  return [...known, ...more.filter((attack) => !keys.has(attackKey(attack)))]
}

function joinNames(known: readonly string[], more: readonly string[]): string[] {
  return [...new Set([...known, ...more])].toSorted()
}

function seedOf({ training }: RowModel): number {
  return typeof training['seed'] === 'number' ? training['seed'] : 0
}
