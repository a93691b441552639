/** A summary of a plan: open and completed work, passes, and time. */
import { sumBy } from '../../base/sum.ts'
import { deviceKind } from '../../engine/graph/session-device.ts'
import { probeCost, probeSample, probesVersion } from '../checks/run-probes.ts'
import { drawsOf } from '../../model/noise.ts'
import { surveyFigures, surveyedWork } from './survey-work.ts'
import type { SurveyFigures, SurveyedWork } from './survey-work.ts'
import { passWeight } from './pass-weight.ts'
import type { LikelyShare } from './run-progress.ts'
import { scheduledCellsMs } from './time-left.ts'
import type { PassEstimate } from '../../plugin/contract.ts'
import type { Cell } from '../plan/cell.ts'
import type { SampleSettings } from '../../data/dataset.ts'
import { makePlan } from '../plan/plan.ts'
import { softwareIdentity } from '../plan/software.ts'
import type { Plan, PlannedCell, PlannedRow } from '../plan/plan.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { ModelRow, PassTimes, Survey } from '../plan/model-row.ts'
import type { ResolvedSuite } from '../plan/resolve.ts'

/** A cell of the plan, as plain JSON. */
export interface CellSummary {
  /** Null until its model is trained. */
  readonly id: string | null
  readonly defense: string
  readonly threatModel: ThreatModel
  readonly kind: 'clean' | 'checks' | 'attack'
  /** The attack's name; null for other kinds. */
  readonly attack: string | null
  readonly seed: number | null
  readonly units: number
  readonly unitsDone: number
  /** Examples in open units. */
  readonly examples: number
  /** Upper bound for open units. */
  readonly passes: PassEstimate
  /** Forward passes by which the host judges the results of open units; not in `passes`. */
  readonly verification: number
  /** Hash of the model's file and of how it is read; absent until the model is trained. */
  readonly model?: string
  /** True if the model draws random numbers: attacks on it do not stop early. */
  readonly stochastic?: true
  /** Upper bound for one worker; absent until its model is trained. */
  readonly etaMs?: number
  /** By a survey of the model; absent until the model is trained, and where no work is open. */
  readonly surveyed?: SurveyedWork
  /** Time in which each worker loads the model, in ms. */
  readonly startMs?: number
}

/** The output of `robench plan --json`. */
export interface PlanSummary {
  readonly suite: { readonly id: string; readonly title: string; readonly sha256: string }
  readonly dataset: {
    readonly id: string
    readonly title: string
    readonly sha256: string
    readonly examples: number
    readonly total: number
    readonly sample?: SampleSettings
  }
  readonly folder: string
  /** Fewer than requested if memory is short. */
  readonly workers: number
  /**
   * How much slower each worker is expected to run than the passes that were timed, because workers
   * and other programs share the cores: 1 or more; default: 1.
   */
  readonly slowdown?: number
  /** The largest estimate of a worker, and the smallest batch; absent until a model is known. */
  readonly memory?: { readonly bytesPerWorker: number; readonly batchSize: number }
  readonly cells: readonly CellSummary[]
  readonly units: number
  readonly unitsDone: number
  /** Upper bound: a broken example needs no more passes. */
  readonly passes: PassEstimate
  /** Upper bound from a few timed passes; absent until all models are trained. */
  readonly etaMs?: number
  /** Absent until a model is known. */
  readonly survey?: SurveyFigures
  /** Models that must be trained first. */
  readonly training: readonly { readonly defense: string; readonly threatModel: ThreatModel }[]
}

/** The cells of all rows. Cells of a row without a model have no final id. */
export function planRows(resolved: ResolvedSuite, rows: readonly ModelRow[], device: string): Plan {
  const { dataset, examples, attacks, loaded } = resolved
  return makePlan({
    software: softwareIdentity(),
    device: deviceKind(device),
    dataset: { id: dataset.id, sha256: dataset.hash },
    examples,
    rows: rows.map(({ defense, threatModel, model }) => ({
      name: defense.name,
      defense: {
        plugin: defense.plugin,
        version: defense.version,
        options: defense.options,
        ...(defense.package && { package: defense.package }),
        model: model?.hash ?? `to be made: ${defense.name}`,
      },
      threatModel,
      ...(model?.stochastic && { draws: drawsOf(model, loaded.suite.draws) }),
      surrogate: defense.surrogate,
      ...curveOf(resolved, threatModel),
    })),
    attacks,
    seeds: loaded.suite.seeds,
    ...(loaded.suite.checks !== false && {
      probes: { version: probesVersion, sample: probeSample, passes: probeCost },
    }),
  })
}

/** The curve of a threat model, if there is one. */
function curveOf(
  { threatModels, curves }: ResolvedSuite,
  threatModel: ThreatModel,
): { readonly curve?: readonly number[] } {
  const curve = curves[threatModels.indexOf(threatModel)]
  return curve ? { curve } : {}
}

/** Summarizes a plan. */
export function summarizePlan(
  resolved: ResolvedSuite,
  rows: readonly ModelRow[],
  plan: Plan,
  where: Pick<PlanSummary, 'folder' | 'workers' | 'slowdown' | 'memory'> & {
    isDone(unitId: string): boolean
  },
): PlanSummary {
  const { loaded, dataset, examples } = resolved
  const seen = new Set<string>()
  const cells: CellSummary[] = []
  const evaluated = rows.filter(({ defense }) => !defense.surrogate)
  const stopping = new Map(resolved.attacks.map((attack) => [attack.name, attack.endsWhenBroken]))
  const surveys: Survey[] = []
  plan.rows.forEach((row, index) => {
    const model = evaluated[index]?.model
    const survey = model?.surveys[resolved.threatModels.indexOf(row.threatModel)]
    if (survey) surveys.push(survey)
    for (const cell of cellsOf(row, Boolean(model), where)) {
      // Rows with the same model share clean predictions.
      const key = cell.id ?? `${cell.defense} ${cell.kind} ${cell.attack} ${cell.seed} ${index}`
      if (seen.has(key)) continue
      seen.add(key)
      cells.push({
        ...cell,
        ...(model && { model: model.hash }),
        ...(model?.stochastic && { stochastic: true }),
        ...(model && { etaMs: Math.round(duration(cell, model.times)) }),
        ...(model && survey && { startMs: Math.round(model.startMs) }),
        ...(survey && {
          surveyed: surveyedWork(
            {
              ...cell,
              stochastic: model.stochastic,
              endsWhenBroken: stopping.get(cell.attack ?? '') ?? true,
            },
            survey,
          ),
        }),
      })
    }
  })
  const training = rows
    .filter(({ model }) => !model)
    .map(({ defense, threatModel }) => ({ defense: defense.name, threatModel }))
  const { id, title } = loaded.suite
  const figures = surveyFigures(surveys)
  return {
    suite: { id, title, sha256: loaded.sha256 },
    dataset: {
      id: dataset.id,
      title: dataset.title,
      sha256: dataset.hash,
      examples,
      total: dataset.total,
      ...(dataset.sample && { sample: dataset.sample }),
    },
    folder: where.folder,
    workers: where.workers,
    ...(where.slowdown !== undefined && { slowdown: where.slowdown }),
    ...(where.memory && { memory: where.memory }),
    cells,
    units: sumBy(cells, ({ units }) => units),
    unitsDone: sumBy(cells, ({ unitsDone }) => unitsDone),
    passes: {
      forward: sumBy(cells, ({ passes }) => passes.forward),
      backward: sumBy(cells, ({ passes }) => passes.backward),
    },
    ...(figures && { survey: figures }),
    ...(training.length === 0 && { etaMs: timeOfCells(cells, where.workers) }),
    training,
  }
}

function cellsOf(
  row: PlannedRow,
  hasModel: boolean,
  where: { isDone(unitId: string): boolean },
): CellSummary[] {
  const { name: defense, threatModel } = row
  const summary = (
    planned: PlannedCell<Cell>,
    attack: string | null,
    seed: number | null,
  ): CellSummary => {
    const open = hasModel ? planned.units.filter(({ id }) => !where.isDone(id)) : planned.units
    const examples = sumBy(open, ({ shard }) => shard.end - shard.start)
    const share = examples / examplesOf(planned)
    return {
      id: hasModel ? planned.id : null,
      defense,
      threatModel,
      kind: planned.cell.kind,
      attack,
      seed,
      units: planned.units.length,
      unitsDone: planned.units.length - open.length,
      examples,
      passes: {
        forward: Math.round(planned.passes.forward * share),
        backward: Math.round(planned.passes.backward * share),
      },
      verification: examples * planned.verification,
    }
  }
  return [
    summary(row.clean, null, null),
    ...(row.checks ? [summary(row.checks, null, null)] : []),
    ...row.attacks.map((attack) => summary(attack, attack.name, attack.cell.seed)),
  ]
}

function examplesOf({ units }: PlannedCell<unknown>): number {
  return units.at(-1)?.shard.end ?? 1
}

/** Milliseconds on one worker. */
function duration(
  { passes, verification }: Pick<CellSummary, 'passes' | 'verification'>,
  { forwardMs, backwardMs }: PassTimes,
): number {
  return (passes.forward + verification) * forwardMs + passes.backward * backwardMs
}

/** Upper bound for all workers, in ms. */
function timeOfCells(cells: readonly CellSummary[], workers: number): number {
  const times = cells.map(({ kind, units, unitsDone, etaMs = 0 }) => ({
    kind,
    units: units - unitsDone,
    ms: etaMs,
  }))
  return Math.round(scheduledCellsMs(times, workers))
}

/** What surveys make likely, by id of the cell. */
export function likelyShares({ cells, slowdown = 1 }: PlanSummary): Map<string, LikelyShare> {
  const found = new Map<string, LikelyShare>()
  for (const { id, passes, surveyed } of cells) {
    const most = passWeight(passes)
    if (id === null || !surveyed || most === 0) continue
    found.set(id, {
      passes: passWeight(surveyed.passes) / most,
      pace: slowdown * surveyed.pace,
    })
  }
  return found
}
