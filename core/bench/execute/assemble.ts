/** Assembles the result of a run from completed units and failures. */
import { cpus } from 'node:os'
import { tfjsDevice } from '../../engine/graph/session-device.ts'
import { describeTfjs } from '../../engine/graph/tfjs/backend.ts'
import { checkOutcomes } from '../checks/outcome-checks.ts'
import { nameFinding } from '../checks/check.ts'
import type { Check } from '../checks/check.ts'
import { probes } from '../checks/probes.ts'
import { RunError, toErrorRecord } from '../../base/errors.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import { cleanAccuracy, robustAccuracy, worstCaseRobustAccuracy } from '../metrics/accuracy.ts'
import { drawAccuracies } from '../metrics/draws.ts'
import { robustnessCurve, worstCaseCurve } from '../metrics/curve.ts'
import { sumBy } from '../../base/sum.ts'
import type { Dataset } from '../../data/dataset.ts'
import type { Plan, PlannedAttack, PlannedCell, PlannedRow } from '../plan/plan.ts'
import type { ExaminedModel, ModelRow } from '../plan/model-row.ts'
import type { ResolvedAttack } from '../plan/resolve-attacks.ts'
import type { ResolvedDefense, ResolvedSuite } from '../plan/resolve.ts'
import { softwareIdentity } from '../plan/software.ts'
import { identifyRobench } from '../../plugin/package-identity.ts'
import { rankingObstacles } from '../result/rankable.ts'
import type {
  AttackResult,
  DefenseFailure,
  ResultEntry,
  RunEvidence,
  RunResult,
} from '../result/result.ts'
import type { UnitOutcome } from '../store/unit-outcome.ts'
import type { LoadedSuite } from '../suite/load.ts'
import { joinShards } from './join-shards.ts'

/** What a result states about the suite. */
export interface AssembledSuite extends Pick<ResolvedSuite, 'packages' | 'examples'> {
  readonly loaded: Pick<LoadedSuite, 'suite' | 'sha256'>
  readonly dataset: Pick<Dataset, 'id' | 'title' | 'hash' | 'toy' | 'total' | 'sample' | 'doubts'>
  readonly attacks: readonly Pick<ResolvedAttack, 'plugin' | 'facts'>[]
}

/** What a result states about a row: its defense and model. */
export interface AssembledRow extends Pick<ModelRow, 'threatModel'> {
  readonly defense: Pick<
    ResolvedDefense,
    'name' | 'plugin' | 'version' | 'options' | 'package' | 'link' | 'surrogate'
  >
  readonly model?: Pick<ExaminedModel, 'identity' | 'training' | 'classes' | 'remarks'>
}

/** What a result is assembled from. */
export interface AssemblyInput {
  readonly resolved: AssembledSuite
  /** All with their models, in the order of the plan's rows, including surrogates. */
  readonly rows: readonly AssembledRow[]
  readonly plan: Plan
  /** Failed cells, by cell id. */
  readonly errors: ReadonlyMap<string, ErrorRecord>
  /** Defenses whose model could not be prepared. */
  readonly failures: readonly DefenseFailure[]
  outcome(unitId: string): UnitOutcome | undefined
  readonly startedAt: string
  readonly finishedAt: string
  readonly environment: RunEnvironment
  readonly command?: string
  readonly evidence: RunEvidence
}

/** Where a result was computed. */
export type RunEnvironment = RunResult['environment']

/** The environment of this process. */
export async function runEnvironment(device: string, workers: number): Promise<RunEnvironment> {
  return {
    node: process.version,
    onnxruntime: softwareIdentity().onnxruntime,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    device,
    ...(device === tfjsDevice && { engine: await describeTfjs() }),
    workers,
  }
}

/** Assembles the result. All accuracies follow from per-example outcomes. */
export function assembleResult(input: AssemblyInput): RunResult {
  const { resolved, plan, errors } = input
  const rows = input.rows.filter(({ defense }) => !defense.surrogate)
  const entries: ResultEntry[] = []
  const failures: DefenseFailure[] = [...input.failures]
  plan.rows.forEach((row, index) => {
    const { defense, model, threatModel } = rows[index]!
    const clean = collect(row.clean, input)
    if (model && clean) entries.push(makeEntry(input, row, rows[index]!, model, clean.outcomes))
    else {
      failures.push({
        defense: defense.name,
        threatModel,
        error: errors.get(row.clean.id) ?? skipped(),
      })
    }
  })
  const { suite, sha256 } = resolved.loaded
  const { startedAt, finishedAt, command, evidence } = input
  const software = softwareIdentity()
  return {
    schemaVersion: 1,
    suite: { id: suite.id, title: suite.title, sha256, content: suite },
    robenchVersion: software.robench,
    packages: [identifyRobench(), ...resolved.packages],
    startedAt,
    finishedAt,
    ...(command === undefined ? {} : { command }),
    environment: input.environment,
    evidence,
    entries: withChecks(entries, input),
    ...(failures.length === 0 ? {} : { failures }),
  }
}

/** Adds probes, unless skipped, and outcome checks to the entries, and updates whether they may be ranked. */
function withChecks(
  entries: readonly ResultEntry[],
  { resolved, plan, rows, errors, outcome }: AssemblyInput,
): ResultEntry[] {
  return entries.map((entry) => {
    const { model } = rows.find(
      ({ defense, threatModel }) =>
        defense.name === entry.defense.name && threatModel === entry.threatModel,
    )!
    const row = plan.rows.find(
      ({ name, threatModel }) => name === entry.defense.name && threatModel === entry.threatModel,
    )
    const error = row?.checks && errors.get(row.checks.id)
    const isProbed = resolved.loaded.suite.checks !== false
    const probed = row?.checks && outcome(row.checks.units[0]!.id)?.checks
    const missing = isProbed
      ? (error?.message ?? 'there is no ball to move in')
      : 'the probes were skipped'
    const checked = checkOutcomes({
      entry,
      entries,
      ...(model && { classes: model.classes }),
      factsOf: (id) => resolved.attacks.find(({ plugin }) => plugin === id)?.facts,
    })
    const applies = !isProbed || row?.checks !== undefined
    const checks = [...(probed ?? probesNotMade(missing, applies)), ...checked]
    const reasons = rankingObstacles({ ...entry, checks, isProbed }, error)
    return { ...entry, checks, rankable: reasons.length === 0, reasons }
  })
}

/** A check for each probe that has no result. @param applies false if none could have one */
function probesNotMade(evidence: string, applies: boolean): Check[] {
  const verdict = applies ? 'not-made' : 'not-applicable'
  return probes.map((probe) =>
    nameFinding(probe, { verdict, value: null, threshold: null, evidence }),
  )
}

function makeEntry(
  input: AssemblyInput,
  row: PlannedRow,
  { defense, threatModel }: AssembledRow,
  model: NonNullable<AssembledRow['model']>,
  cleanOutcomes: string,
): ResultEntry {
  const { dataset, examples } = input.resolved
  const attacks = row.attacks.map((attack) => attackResult(attack, input))
  const completed = attacks.filter((attack) => attack.state === 'completed')
  const worstCase = worstCaseRobustAccuracy(completed.map(({ outcomes }) => outcomes))
  const curve = worstCaseCurve(completed, threatModel.epsilon)
  const data = {
    id: dataset.id,
    title: dataset.title,
    sha256: dataset.hash,
    toy: dataset.toy,
    examples,
    total: dataset.total,
    ...(dataset.sample && { sample: dataset.sample }),
    ...(dataset.doubts && { doubts: dataset.doubts }),
  }
  const reasons = rankingObstacles({ dataset: data, attacks })
  const { name, plugin, version, options, package: provider, link } = defense
  return {
    defense: {
      name,
      plugin,
      version,
      options,
      ...(provider && { package: provider.name }),
      model: model.identity,
      ...(model.training ? { training: model.training } : {}),
      ...(link === undefined ? {} : { link }),
      ...(model.remarks.length === 0 ? {} : { remarks: model.remarks }),
    },
    dataset: data,
    threatModel,
    ...(model.remarks.length > 0 && { remarks: model.remarks }),
    cleanOutcomes,
    cleanAccuracy: cleanAccuracy(cleanOutcomes),
    attacks,
    ...(worstCase === undefined ? {} : { worstCaseRobustAccuracy: worstCase }),
    ...(curve && { worstCaseCurve: curve }),
    rankable: reasons.length === 0,
    reasons,
  }
}

function attackResult(attack: PlannedAttack, input: AssemblyInput): AttackResult {
  const { package: provider, ...plugin } = attack.cell.attack
  const named = { name: attack.name, ...plugin, ...(provider && { package: provider.name }) }
  const identity = { attack: named, seed: attack.cell.seed }
  const all = collect(attack, input)
  if (!all) {
    return { state: 'failed', ...identity, error: input.errors.get(attack.id) ?? skipped() }
  }
  const { stages, breakingEpsilons, correct, draws, ...counts } = all
  return {
    state: 'completed',
    ...identity,
    ...counts,
    robustAccuracy: robustAccuracy(counts.outcomes),
    ...(draws && { draws: { ...draws, ...drawAccuracies(counts.outcomes, draws) } }),
    ...(correct !== undefined && { corrupted: { correct, accuracy: cleanAccuracy(correct) } }),
    ...(breakingEpsilons && {
      curve: robustnessCurve(breakingEpsilons, [
        attack.cell.threatModel.epsilon,
        ...(attack.cell.curve ?? []),
      ]),
    }),
    ...(stages && {
      stages: stages.map((stage) => ({
        ...stage,
        robustAccuracy: robustAccuracy(stage.outcomes),
      })),
    }),
  }
}

/** Joins the units of a cell in the order of the examples; undefined if one is missing. */
function collect(cell: PlannedCell<unknown>, input: AssemblyInput): UnitOutcome | undefined {
  const parts: UnitOutcome[] = []
  for (const { id } of cell.units) {
    const part = input.outcome(id)
    if (!part) return undefined
    parts.push(part)
  }
  return { ...joinShards(parts), elapsedMs: sumBy(parts, ({ elapsedMs }) => elapsedMs) }
}

function skipped(): ErrorRecord {
  return toErrorRecord(new RunError('ROBENCH_ABORTED', 'skipped: a prerequisite failed'))
}
