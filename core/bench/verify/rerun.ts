/** Runs a random sample of an evaluation again, and compares it with what was stated. */
import { canonicalJson } from '../../base/hash.ts'
import { probes as allProbes } from '../checks/probes.ts'
import type { Check } from '../checks/check.ts'
import { checkOutcomes } from '../checks/outcome-checks.ts'
import type { CheckedEntry } from '../checks/outcome-check.ts'
import { probeSample } from '../checks/run-probes.ts'
import { readOnnxFile } from '../../engine/onnx/external-data.ts'
import { readOnnx } from '../../engine/onnx/file.ts'
import { attackRows, predictRows, probeShard } from '../execute/evaluate-shard.ts'
import type { Model } from '../../model/model.ts'
import type { Executor, OpenExecutor } from '../execute/executor.ts'
import type { JobSetting } from '../execute/job.ts'
import { RunSession } from '../execute/run-session.ts'
import { runSettings } from '../execute/settings.ts'
import { WorkerCache } from '../execute/worker-cache.ts'
import type { WorkerScope } from '../execute/worker-cache.ts'
import { packagesOfCell } from '../plan/cell-packages.ts'
import type { ExaminedModel, ModelRow } from '../plan/model-row.ts'
import type { PlannedAttack, PlannedRow } from '../plan/plan.ts'
import { datasetReference, pluginLimits } from '../plan/resolve.ts'
import type { ResolvedSuite } from '../plan/resolve.ts'
import { reviveAttack } from '../plan/resolve-attacks.ts'
import type { AttackIdentity, CompletedAttack, StageResult } from '../result/result.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { localExecutor } from './local-executor.ts'
import { nameOfAttack, nameOfEntry } from './recount.ts'
import { sampleExamples } from './sample.ts'

/** What an evaluation is stated to have given. */
export interface StatedEntry extends CheckedEntry {
  readonly defense: {
    readonly name: string
    readonly model: { readonly sha256: string }
  }
  readonly threatModel: ThreatModel
  readonly cleanOutcomes: string
  readonly attacks: readonly StatedAttack[]
  readonly checks?: readonly Check[]
}

/** What an attack is stated to have given. */
export interface StatedAttack extends Pick<CompletedAttack, 'state' | 'seed' | 'outcomes'> {
  readonly attack: AttackIdentity
  readonly stages?: readonly StageResult[]
  readonly silentSuccesses?: number
}

/** What to run again. */
export interface RerunRequest {
  readonly resolved: ResolvedSuite
  readonly entries: readonly StatedEntry[]
  /** Examples per attack, at least 1. */
  readonly sample: number
  /** Names the sample. */
  readonly seed: number
  /** Another one than that of the run. */
  readonly batchSize: number
  readonly device: string
  readonly threads: number
  readonly signal: AbortSignal
  /** @param what is run, such as `defense "a" (Linf 0.03), attack "pgd"` */
  progress?(what: string): void
}

/** What was run again, and how it differs. */
export interface RerunReport {
  /** Pairs of an attack and an example, and clean predictions. */
  readonly outcomes: number
  /** Of these, examples that the result states as robust. */
  readonly held: number
  readonly checks: number
  readonly differences: readonly string[]
  /** The rows with their models, for further checks. */
  readonly rows: readonly ModelRow[]
}

interface Task extends RerunRequest {
  /** Models, data, and built-in plugins, in this process. */
  readonly scope: WorkerScope
  /** Runs cells of third-party attacks in other processes. */
  readonly executor: Executor
  readonly counts: { outcomes: number; held: number; checks: number }
  readonly differences: string[]
}

/**
 * Runs a sample again: clean predictions, every attack, the probes; outcome checks are repeated
 * from all outcomes.
 * @throws RobenchError for a suite, data, or models that cannot be used
 */
export async function rerunSample(request: RerunRequest): Promise<RerunReport> {
  const { resolved, device, threads, signal } = request
  const cache = new WorkerCache()
  const opened: Executor[] = []
  const executor: OpenExecutor = (content) => {
    opened.push(localExecutor(cache)(content))
    return opened[0]!
  }
  const settings = await runSettings({ workers: 1, device, threads, signal, executor }, 'verify')
  const session = new RunSession(resolved, settings)
  const counts = { outcomes: 0, held: 0, checks: 0 }
  const differences: string[] = []
  try {
    const rows = await session.findModels()
    const plan = session.plan(rows)
    const scope = openScope(cache, resolved, rows, request)
    const task: Task = { ...request, scope, executor: opened[0]!, counts, differences }
    const evaluated = rows.filter(({ defense }) => !defense.surrogate)
    for (const entry of request.entries) {
      const at = plan.rows.findIndex((row) => isSameRow(row, entry))
      const row = evaluated[at]
      const where = nameOfEntry(entry)
      if (at < 0 || !row) differences.push(`${where} is not in the suite`)
      else await rerunEntry(task, entry, plan.rows[at]!, row, rows)
    }
    return { ...counts, differences, rows: evaluated }
  } finally {
    await session.close()
  }
}

function isSameRow(row: PlannedRow, { defense, threatModel }: StatedEntry): boolean {
  return row.name === defense.name && canonicalJson(row.threatModel) === canonicalJson(threatModel)
}

function openScope(
  cache: WorkerCache,
  { loaded }: ResolvedSuite,
  rows: readonly ModelRow[],
  request: RerunRequest,
): WorkerScope {
  const { signal } = request
  const models: Record<string, string> = {}
  for (const { model } of rows) if (model) models[model.reference.sha256] = model.path
  const content = {
    plugins: [],
    dataset: datasetReference(loaded),
    suiteFolder: loaded.folder,
    resultsFolder: '',
    models,
  }
  return cache.open(settingOf(request, []), content, { signal, send: () => {} })
}

/** @param plugins packages whose code a job runs */
function settingOf(
  { resolved: { dataset }, device, threads }: RerunRequest,
  plugins: readonly string[],
): JobSetting {
  return { plugins, dataset: { id: dataset.id, sha256: dataset.hash }, device, threads }
}

async function rerunEntry(
  task: Task,
  entry: StatedEntry,
  planned: PlannedRow,
  row: ModelRow,
  rows: readonly ModelRow[],
): Promise<void> {
  const where = nameOfEntry(entry)
  const { model: known } = row
  if (!known) {
    task.differences.push(`${where}: the model is not here; train it with robench train`)
    return
  }
  if (known.identity.sha256 !== entry.defense.model.sha256) {
    const stated = entry.defense.model.sha256
    task.differences.push(
      `${where}: the model file has sha256 ${known.identity.sha256}, the result says ${stated}`,
    )
    return
  }
  const model = await task.scope.model(known.reference, known.hash, 1 + rows.length)
  await rerunClean(task, entry, planned, model, where)
  for (const attack of entry.attacks) {
    if (attack.state !== 'completed') continue
    const place = `${where}, ${nameOfAttack(attack)}`
    const same = planned.attacks.find((one) => isSameAttack(one, attack))
    if (!same) {
      task.differences.push(`${place}: the suite has no such attack with these options`)
      continue
    }
    task.progress?.(place)
    const others = (same.cell.surrogates ?? []).map(
      (hash) => rows.find((candidate) => candidate.model?.hash === hash)!.model!,
    )
    if (packagesOfCell(same.cell).length > 0) {
      await rerunElsewhere(task, entry, same, attack, { model: known, surrogates: others, place })
      continue
    }
    const surrogates: Model[] = []
    for (const other of others) {
      surrogates.push(await task.scope.model(other.reference, other.hash, 1 + rows.length))
    }
    await rerunAttack(task, entry, same, attack, { model, surrogates, place })
  }
  task.progress?.(`${where}, checks`)
  await repeatChecks(task, entry, planned, row, model, where)
}

function isSameAttack({ name, cell }: PlannedAttack, { attack, seed }: StatedAttack): boolean {
  const { plugin, version, options } = cell.attack
  return (
    name === attack.name &&
    cell.seed === seed &&
    plugin === attack.plugin &&
    version === attack.version &&
    canonicalJson(options) === canonicalJson(attack.options)
  )
}

async function rerunClean(
  task: Task,
  { cleanOutcomes }: StatedEntry,
  { clean }: PlannedRow,
  model: Model,
  where: string,
): Promise<void> {
  const rows = sampleExamples(cleanOutcomes, task.sample, task.seed, where)
  const { draws } = clean.cell
  const work = workOf(task, model, draws)
  const { outcomes } = await predictRows(work, rows)
  compareOutcomes(task, `${where}, clean prediction`, rows, cleanOutcomes, outcomes)
}

async function rerunAttack(
  task: Task,
  entry: StatedEntry,
  { cell }: PlannedAttack,
  stated: StatedAttack,
  { model, surrogates, place }: { model: Model; surrogates: readonly Model[]; place: string },
): Promise<void> {
  const rows = sampleExamples(stated.outcomes, task.sample, task.seed, place)
  const { outcome } = await attackRows(workOf(task, model, cell.draws), rows, {
    chosen: await reviveAttack(await task.scope.registry(), cell.attack),
    surrogates,
    clean: Array.from(rows, (at) => entry.cleanOutcomes[at]).join(''),
    threatModel: cell.threatModel,
    ...(cell.curve && { curve: cell.curve }),
    setupCache: task.scope.setup(place),
    seed: cell.seed,
    timeLimitMs: task.resolved.loaded.suite.timeLimitMs,
  })
  compareOutcomes(task, place, rows, stated.outcomes, outcome.outcomes)
}

/** As `rerunAttack`, in a process of the attack's own. A failure is a difference. */
async function rerunElsewhere(
  task: Task,
  entry: StatedEntry,
  { cell }: PlannedAttack,
  stated: StatedAttack,
  on: { model: ExaminedModel; surrogates: readonly ExaminedModel[]; place: string },
): Promise<void> {
  const { resolved, batchSize, signal } = task
  const { timeLimitMs } = resolved.loaded.suite
  const { place } = on
  const rows = sampleExamples(stated.outcomes, task.sample, task.seed, place)
  const outcome = await task.executor.submit(
    {
      kind: 'unit',
      setting: settingOf(task, packagesOfCell(cell)),
      unit: { id: place, cell, shard: { start: 0, end: rows.length } },
      model: on.model.reference,
      surrogates: on.surrogates.map(({ reference }) => reference),
      batchSize,
      timeLimitMs,
      clean: Array.from(rows, (at) => entry.cleanOutcomes[at]).join(''),
      rows: [...rows],
    },
    {
      timeLimitMs,
      ...pluginLimits(resolved.loaded),
      label: `attack "${cell.attack.plugin}"`,
      signal,
    },
  )
  signal.throwIfAborted()
  if (outcome.state === 'failed') {
    task.differences.push(`${place}: cannot be run again: ${outcome.error.message}`)
  } else compareOutcomes(task, place, rows, stated.outcomes, outcome.value.outcomes)
}

function workOf({ resolved, batchSize, signal }: Task, model: Model, draws: number | undefined) {
  return {
    model,
    examples: resolved.dataset,
    batchSize,
    signal,
    ...(draws !== undefined && { draws }),
  }
}

function compareOutcomes(
  task: Task,
  what: string,
  rows: Int32Array,
  stated: string,
  found: string,
): void {
  rows.forEach((row, at) => {
    task.counts.outcomes += 1
    if (stated[row] === 'r') task.counts.held += 1
    if (stated[row] === found[at]) return
    task.differences.push(
      `${what}: example ${row} is "${stated[row]}" in the result, "${found[at]}" when run again`,
    )
  })
}

/** Outcome checks from all outcomes, and the probes again. A verdict must be the same. */
async function repeatChecks(
  task: Task,
  entry: StatedEntry,
  { checks: probes, threatModel }: PlannedRow,
  row: ModelRow,
  model: Model,
  where: string,
): Promise<void> {
  const { resolved, entries } = task
  const found = checkOutcomes({
    entry,
    entries,
    classes: model.classes,
    factsOf: (id) => resolved.attacks.find(({ plugin }) => plugin === id)?.facts,
  })
  if (probes && entry.checks?.some(({ id, verdict }) => isMadeProbe(id, verdict))) {
    const { reference, path } = row.model!
    const { checks } = await probeShard(
      {
        ...workOf(task, model, undefined),
        shard: { start: 0, end: Math.min(probeSample, entry.dataset.examples) },
      },
      {
        registry: await task.scope.registry(),
        threatModel,
        classes: resolved.dataset.classNames.length,
        graph: readOnnx(await readOnnxFile(path), reference.label),
        manifest: reference.manifest,
      },
    )
    found.push(...checks)
  }
  for (const { id, verdict, evidence } of found) {
    const stated = entry.checks?.find((check) => check.id === id)?.verdict
    if (stated === undefined || stated === 'not-made') continue
    task.counts.checks += 1
    // A check that compares entries of the run says less about one entry alone; a probe does not.
    const isAlone = entries.length === 1 && !isProbe(id)
    if (stated === verdict || (isAlone && verdict === 'not-applicable')) continue
    task.differences.push(
      `${where}: check ${id} is "${stated}" in the result, "${verdict}" when repeated: ${evidence}`,
    )
  }
}

function isMadeProbe(id: string, verdict: Check['verdict']): boolean {
  return verdict !== 'not-made' && isProbe(id)
}

function isProbe(id: string): boolean {
  return allProbes.some((probe) => probe.id === id)
}
