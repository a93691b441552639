/** `evaluate`: attacks a model and returns accuracies and adversarial examples. */
import { ConfigError } from '../../base/errors.ts'
import { refuseUnknownKeys } from '../../base/unknown-keys.ts'
import type { Check } from '../../bench/checks/check.ts'
import { checkOutcomes } from '../../bench/checks/outcome-checks.ts'
import { probeSample } from '../../bench/checks/run-probes.ts'
import { probeShard } from '../../bench/execute/evaluate-shard.ts'
import { countCorrect, countOutcomes, worstCaseOutcomes } from '../../bench/metrics/accuracy.ts'
import type { Outcomes } from '../../bench/metrics/accuracy.ts'
import { robustnessCurve, worstCaseCurve } from '../../bench/metrics/curve.ts'
import type { AttackOutcomes, RobustnessCurve } from '../../bench/metrics/curve.ts'
import { refuseLongSteps, statedSteps } from '../../bench/plan/step-sizes.ts'
import {
  refuseUnknownClasses,
  refuseUnknownTarget,
  withClassNumber,
} from '../../bench/plan/targets.ts'
import { checkTransform, withBounds } from '../../bench/suite/suite-threat.ts'
import type { Dataset } from '../../data/dataset.ts'
import { requireModelFit } from '../../data/model-fit.ts'
import type { Model } from '../../model/model.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import type { ChosenAttack } from '../../plugin/wrapped-attack.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { accuracyOf, attackExamples, predictExamples } from './attack-examples.ts'
import type { Accuracy, AttackEvaluation, ExampleWork, NamedAttack } from './attack-examples.ts'
import { openAttackProcess } from './attack-process.ts'
import type { ModelSourceFile } from './attack-process.ts'
import { openExamples, requireInside } from './examples.ts'
import type { Examples } from './examples.ts'
import { isModel, openModels } from './open-model.ts'
import type { OpenModel, OpenModels } from './open-model.ts'
import type { EvaluateRequest, ProgramSettings } from './request.ts'
import { openPlugins, resolveRequest } from './resolve-request.ts'
import type { OpenPlugins, ReadyRequest } from './resolve-request.ts'

/** What `evaluate` returns. Every figure follows from the per-example outcomes. */
export interface Evaluation {
  /** How many examples were evaluated. */
  readonly examples: number
  /** Epsilon as a number, and the bounds of the data. */
  readonly threatModel: ThreatModel
  /** Without an attack; one `1` or `0` per example. */
  readonly clean: Accuracy & { readonly outcomes: string }
  /** In the order of the request. */
  readonly attacks: readonly AttackEvaluation[]
  /** Against an attacker who runs every attack and uses the best result for each example. */
  readonly worstCase: Accuracy & {
    readonly outcomes: Outcomes
    /** If an attack has a curve: robust accuracy at each epsilon, under all attacks. */
    readonly curve?: RobustnessCurve
  }
  /** Reliability checks, as documented in docs/checks.md; absent with `checks: false`. */
  readonly checks?: readonly Check[]
}

/** Keys of `ProgramSettings`. */
export const settingKeys = [
  'seed',
  'batchSize',
  'device',
  'threads',
  'surrogates',
  'plugins',
  'signal',
  'progress',
  'bounds',
  'layout',
  'mean',
  'std',
  'classNames',
  'output',
] as const satisfies readonly (keyof ProgramSettings)[]

const requestKeys = [
  'model',
  'data',
  'threatModel',
  'attacks',
  'limit',
  'checks',
  ...settingKeys,
] as const satisfies readonly (keyof EvaluateRequest)[]

/**
 * Attacks a model. Per example, the outcomes and adversarials are those of `robench eval` with the
 * same seed.
 * @throws ConfigError for a mistake in the request, before anything is computed; GraphError or
 * RobenchError from the model; PluginError from an attack; RunError ROBENCH_ABORTED if the signal
 * is aborted
 */
export async function evaluate(request: EvaluateRequest): Promise<Evaluation> {
  refuseUnknownKeys(request, requestKeys, 'evaluate')
  const { limit } = request
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new ConfigError('ROBENCH_CONFIG', `limit: expected a positive integer, got ${limit}`)
  }
  return evaluateAs(request, 'evaluate')
}

/**
 * `evaluate` under another name. Attacks of plugin packages run in processes of their own, unless
 * the caller has loaded a model.
 * @param where the function that was called, for messages
 */
export async function evaluateAs(request: EvaluateRequest, where: string): Promise<Evaluation> {
  const { model, surrogates = {}, plugins } = request
  const isHere = [model, ...Object.values(surrogates)].some(isModel)
  const open = await openPlugins(plugins, where, isHere)
  try {
    return await evaluateWith(open, request, where)
  } finally {
    await open.close()
  }
}

async function evaluateWith(
  { registry, elsewhere }: OpenPlugins,
  request: EvaluateRequest,
  where: string,
): Promise<Evaluation> {
  const ready = await resolveRequest(registry, request, where)
  const examples = await openExamples(request.data, request.bounds)
  const { transform } = ready.threatModel
  if (transform) checkTransform(transform, 'threatModel.transform', examples.shape)
  const count = Math.min(request.limit ?? examples.count, examples.count)
  const used = ready.attacks.flatMap(({ surrogates }) => surrogates)
  const models = await openModels(request, used, examples)
  try {
    const { model } = models.tested
    const bounds = requireModelFit(examples, model, models.tested.name)
    requireInside(examples, count, bounds)
    for (const other of models.surrogates.values())
      requireModelFit(examples, other.model, other.name)
    const { signal = new AbortController().signal } = request
    const work = { model, examples, count, batchSize: ready.batchSize, signal }
    const threatModel = threatModelOn(ready, examples, { classes: model.classes, bounds }, where)
    const { curve } = ready.threatModel
    const clean = await predictExamples(work)
    const shared = { clean, threatModel, ...(curve && { curve }), seed: ready.seed }
    const attacks = await attackAll({ registry, elsewhere }, request, {
      ready,
      models,
      dataset: examples.dataset,
      work,
      shared,
    })
    // At least one attack.
    const worst = worstCaseOutcomes(attacks.map(({ outcomes }) => outcomes))!
    const worstCurve = worstCaseCurve(
      attacks.map(withCurve(threatModel, curve)),
      threatModel.epsilon,
    )
    const isChecked = request.checks !== false
    const probed = isChecked ? await probe(work, threatModel, registry, models.tested) : []
    return {
      examples: count,
      threatModel,
      clean: { ...accuracyOf(countCorrect(clean), count), outcomes: clean },
      attacks,
      worstCase: {
        ...accuracyOf(countOutcomes(worst).robust, count),
        outcomes: worst,
        ...(worstCurve && { curve: worstCurve }),
      },
      ...(isChecked && {
        checks: [...probed, ...compare(work, threatModel, { attacks, clean }, ready)],
      }),
    }
  } finally {
    await models.close()
  }
}

/**
 * The threat model on these examples, and the rules of a suite for what depends on them.
 * @throws ConfigError
 */
function threatModelOn(
  { threatModel: stated, attacks }: ReadyRequest,
  examples: Examples,
  { classes, bounds }: Pick<Model, 'classes' | 'bounds'>,
  where: string,
): ThreatModel {
  const { classes: known, dataset } = examples
  const place = `${where}: threatModel.target`
  const names = { classNames: dataset.classNames, classes: known }
  const numbered = withClassNumber(stated, names, place)
  refuseUnknownTarget(numbered.target, { ...dataset, classes }, place, 'model')
  const resolved = attacks.map((attack) => attack.resolved)
  refuseUnknownClasses(resolved, classes, 'model')
  const threatModel = withBounds(numbered, examples, bounds, 'threatModel')
  const steps = attacks.flatMap(({ chosen, resolved: { where: at } }) => statedSteps(chosen, at))
  refuseLongSteps(steps, [threatModel])
  return threatModel
}

/** What all attacks of a request share. */
interface AttackWork {
  readonly ready: ReadyRequest
  readonly models: OpenModels
  readonly dataset: Dataset
  readonly work: ExampleWork
  readonly shared: Pick<NamedAttack, 'clean' | 'threatModel' | 'curve' | 'seed'>
}

/** Runs the attacks in order; those of packages whose code runs elsewhere, in their processes. */
async function attackAll(
  { registry, elsewhere }: Pick<OpenPlugins, 'registry' | 'elsewhere'>,
  { device, threads, progress }: EvaluateRequest,
  { ready, models, dataset, work, shared }: AttackWork,
): Promise<AttackEvaluation[]> {
  const needed = elsewhere.length > 0 && {
    plugins: elsewhere,
    dataset,
    models: [models.tested, ...models.surrogates.values()].flatMap((open) => filesOf(open)),
    ...(device !== undefined && { device }),
    ...(threads !== undefined && { threads }),
  }
  const other = needed ? await openAttackProcess(needed) : undefined
  const attacks: AttackEvaluation[] = []
  try {
    for (const { chosen, resolved, surrogates: names } of ready.attacks) {
      const { name } = resolved
      const surrogates = names.map((surrogate) => models.surrogates.get(surrogate)!.model)
      const report = (done: number): void => progress?.(name, done, work.count)
      const runShard = isBuiltIn(registry, chosen) ? undefined : other?.attackShard
      attacks.push(
        await attackExamples(work, { ...shared, name, chosen, surrogates }, report, runShard),
      )
    }
    return attacks
  } finally {
    await other?.close()
  }
}

/** Whether neither the attack nor one that it wraps is a third party's. */
function isBuiltIn(registry: PluginRegistry, { plugin, inner }: ChosenAttack): boolean {
  const isOwn = registry.packageOf('attack', plugin.meta.id) === 'robench'
  return isOwn && (inner === undefined || isBuiltIn(registry, inner))
}

/** What another process needs of a model; nothing of one that the caller has loaded. */
function filesOf({ model, name, bytes, manifest }: OpenModel): ModelSourceFile[] {
  return bytes && manifest ? [{ model, name, bytes, manifest }] : []
}

/** Reads an attack's breaking points as a curve. */
function withCurve({ epsilon }: ThreatModel, further: readonly number[] = []) {
  return ({ outcomes, breakingEpsilons }: AttackEvaluation): AttackOutcomes => ({
    outcomes,
    ...(breakingEpsilons && {
      curve: robustnessCurve(
        Array.from(breakingEpsilons, (least) => (least === Infinity ? null : least)),
        [epsilon, ...further],
      ),
    }),
  })
}

/** The probes of the model, on the examples that a suite uses. */
async function probe(
  { examples, count, ...work }: ExampleWork,
  threatModel: ThreatModel,
  registry: PluginRegistry,
  { graph, manifest }: OpenModel,
): Promise<readonly Check[]> {
  if (threatModel.epsilon === 0) return []
  const shard = { start: 0, end: Math.min(count, probeSample) }
  const { classes } = examples
  const { checks } = await probeShard(
    { ...work, examples, shard },
    {
      threatModel,
      ...(classes !== undefined && { classes }),
      registry,
      ...(graph && { graph }),
      ...(manifest && { manifest }),
    },
  )
  return checks
}

/** The checks of the attacks' outcomes. */
function compare(
  { model, count, examples: { doubts } }: ExampleWork,
  threatModel: ThreatModel,
  { attacks, clean: cleanOutcomes }: { attacks: readonly AttackEvaluation[]; clean: string },
  ready: ReadyRequest,
): readonly Check[] {
  const entry = {
    defense: { model: { sha256: model.hash } },
    dataset: {
      sha256: '',
      examples: count,
      ...(doubts && { doubts }),
    },
    cleanOutcomes,
    threatModel,
    attacks: attacks.map((attack) => ({ ...attack, state: 'completed' as const, attack })),
  }
  return checkOutcomes({
    entry,
    classes: model.classes,
    entries: [entry],
    factsOf: (id) => ready.attacks.find(({ resolved }) => resolved.plugin === id)?.resolved.facts,
  })
}
