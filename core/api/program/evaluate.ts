/** `evaluate`: attacks a model in this process and returns accuracies and adversarial examples. */
import { ConfigError, RunError } from '../../base/errors.ts'
import { randomStream } from '../../base/random.ts'
import type { Check } from '../../bench/checks/check.ts'
import { checkOutcomes } from '../../bench/checks/outcome-checks.ts'
import { probeSample, runProbes } from '../../bench/checks/run-probes.ts'
import { searchAttackOf } from '../../bench/checks/search-attack.ts'
import type { SearchAttack } from '../../bench/checks/probe-context.ts'
import { countCorrect, countOutcomes, worstCaseOutcomes } from '../../bench/metrics/accuracy.ts'
import type { Outcomes } from '../../bench/metrics/accuracy.ts'
import { withDraws } from '../../model/noise.ts'
import { transformRecord } from '../../threat/transforms/table.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { accuracyOf, attackExamples, predictClean } from './attack-examples.ts'
import type { Accuracy, AttackEvaluation, AttackWork } from './attack-examples.ts'
import { openExamples, requireFit, requireInside } from './examples.ts'
import type { Examples } from './examples.ts'
import { openModel } from './open-model.ts'
import type { OpenModel } from './open-model.ts'
import type { EvaluateRequest, ModelSource, ProgramSettings } from './request.ts'
import { openRegistry, refuseUnknownKeys, resolveRequest } from './resolve-request.ts'
import type { ReadyAttack, ReadyRequest } from './resolve-request.ts'

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
  readonly worstCase: Accuracy & { readonly outcomes: Outcomes }
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
  const { data, limit, progress } = request
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new ConfigError('ROBENCH_CONFIG', `limit: expected a positive integer, got ${limit}`)
  }
  const registry = await openRegistry(request.plugins, 'evaluate')
  const ready = await resolveRequest(registry, request, 'evaluate')
  const square = await registry.get('attack', 'square')
  const examples = await openExamples(data)
  const count = Math.min(limit ?? examples.count, examples.count)
  return withModels(request.model, request, ready, examples, count, async (open, workFor) => {
    const work = workFor()
    const clean = await predictClean(work)
    const attacks: AttackEvaluation[] = []
    for (const attack of ready.attacks) {
      const { name } = attack.resolved
      const done = await attackExamples(
        name,
        attack.chosen,
        workFor(attack),
        clean,
        (finished, total) => progress?.(name, finished, total),
      )
      attacks.push(done)
    }
    // At least one attack.
    const worst = worstCaseOutcomes(attacks.map(({ outcomes }) => outcomes))!
    return {
      examples: count,
      threatModel: work.threatModel,
      clean: { ...accuracyOf(countCorrect(clean), count), outcomes: clean },
      attacks,
      worstCase: { ...accuracyOf(countOutcomes(worst).robust, count), outcomes: worst },
      ...(request.checks !== false && {
        checks: await checkAll(open, work, ready, attacks, searchAttackOf(square)),
      }),
    }
  })
}

/**
 * Opens the model and its surrogates, checks that they fit the examples, and closes them at the
 * end.
 * @param use gets the model, and a function that says what an attack, or none, works on
 */
export async function withModels<T>(
  source: ModelSource,
  settings: ProgramSettings,
  ready: ReadyRequest,
  examples: Examples,
  count: number,
  use: (open: OpenModel, workFor: (attack?: ReadyAttack) => AttackWork) => Promise<T>,
): Promise<T> {
  const { norm, epsilon, transform, curve } = ready.threatModel
  const problem =
    transform && transformRecord(transform.kind).check(transform, [1, ...examples.shape])
  if (problem) {
    const where = `threatModel.transform${problem.pointer}`
    throw new ConfigError('ROBENCH_CONFIG', `${where}: ${problem.message}`)
  }
  const { device, threads, signal = new AbortController().signal } = settings
  const opened: OpenModel[] = []
  try {
    const open = await openModel(source, 'model', settings, examples.shape)
    opened.push(open)
    const bounds = requireFit(examples, open.model, open.name)
    requireInside(examples, count, bounds)
    const others = new Map<string, OpenModel>()
    for (const name of new Set(ready.attacks.flatMap(({ surrogates }) => surrogates))) {
      const own = { ...(device && { device }), ...(threads && { threads }) }
      const surrogate = settings.surrogates![name]!
      const other = await openModel(surrogate, `surrogates.${name}`, own, examples.shape)
      opened.push(other)
      requireFit(examples, other.model, other.name)
      others.set(name, other)
    }
    return await use(open, (attack) => ({
      model: open.model,
      surrogates: (attack?.surrogates ?? []).map((name) => others.get(name)!.model),
      examples,
      count,
      threatModel: { norm, epsilon, bounds, ...(transform && { transform }) },
      ...(curve && { curve }),
      seed: ready.seed,
      batchSize: ready.batchSize,
      signal,
    }))
  } finally {
    for (const { close } of opened) await close()
  }
}

/** The probes of the model, as cells of a suite run them, and the comparisons of the attacks. */
async function checkAll(
  { graph }: OpenModel,
  work: AttackWork,
  ready: ReadyRequest,
  attacks: readonly AttackEvaluation[],
  searchAttack: SearchAttack,
): Promise<Check[]> {
  const { model, examples, count, threatModel, batchSize, signal } = work
  const rows = Array.from({ length: Math.min(count, probeSample) }, (_, row) => row)
  const probed =
    threatModel.epsilon === 0
      ? []
      : await stoppable(signal, () =>
          runProbes({
            model: withDraws(model, 'checks'),
            inputs: examples.rows(rows),
            labels: examples.labels.slice(0, rows.length),
            threatModel,
            rng: {
              stream: (row, restart, name = '') => randomStream('checks', row, restart, name),
            },
            batchSize,
            signal,
            searchAttack,
            classes: examples.classes,
            ...(graph && { graph }),
          }),
        )
  const entry = {
    defense: { model: { sha256: model.hash } },
    dataset: { sha256: '', examples: count },
    threatModel,
    attacks: attacks.map(({ name, plugin, options, stages, silentSuccesses, outcomes }) => ({
      state: 'completed' as const,
      attack: { name, plugin, options },
      outcomes,
      ...(stages && { stages }),
      ...(silentSuccesses !== undefined && { silentSuccesses }),
    })),
  }
  const compared = checkOutcomes({
    entry,
    entries: [entry],
    factsOf: (id) => ready.attacks.find(({ resolved }) => resolved.plugin === id)?.resolved.facts,
  })
  return [...probed, ...compared]
}

/** Turns whatever an aborted signal makes a probe throw into the error of an aborted evaluation. */
async function stoppable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!signal.aborted) throw cause
    throw new RunError('ROBENCH_ABORTED', 'the evaluation was interrupted', { cause })
  }
}
