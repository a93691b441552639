/** The conformance battery for attacks, built-in or third-party. */
import { ConfigError, PluginError, RobenchError } from '../base/errors.ts'
import { delegateModel } from '../model/delegate.ts'
import type { Model } from '../model/model.ts'
import { predictions } from '../model/predictions.ts'
import type { AttackPlugin, PluginOptions } from '../plugin/contract.ts'
import { runAttack } from '../plugin/host.ts'
import type { AttackRequest } from '../plugin/attack-request.ts'
import type { HostedResult } from '../plugin/host.ts'
import { SetupCache } from '../plugin/setup-cache.ts'
import { pluginMetaSchemas } from '../plugin/meta-schema.ts'
import { checkOptionRoles, optionWithRole } from '../plugin/option-roles.ts'
import { resolveOptions } from '../plugin/options.ts'
import type { ChosenAttack } from '../plugin/wrapped-attack.ts'
import { randomStream } from '../base/random.ts'
import { compileSchema } from '../base/schema.ts'
import { gatherRows, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { referenceExamples } from '../threat/reference-examples.ts'
import { onShape } from '../threat/threat-model.ts'
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import type { Transform } from '../threat/transforms/table.ts'
import { LinearModel, randomLinearClassifier } from './linear-model.ts'
import type { LinearClassifier } from './linear-model.ts'
import { worstCaseMargin } from './linear-oracle.ts'

/** Identifies a check of the battery. */
export type ConformanceCheckId =
  | 'meta'
  | 'unknown-options'
  | 'threat-model'
  | 'same-seed'
  | 'other-seed'
  | 'batch-size'
  | 'order'
  | 'setup'
  | 'abort'
  | 'provably-robust'
  | 'cost'

/** A check for any test runner: `run` rejects with an error that describes what is wrong. */
export interface ConformanceCheck {
  readonly id: ConformanceCheckId
  /** Absent for checks that do not run the attack. */
  readonly norm?: Norm
  readonly name: string
  run(): Promise<void>
}

/** The attack to check, and the settings of its runs. */
export interface AttackConformance {
  readonly plugin: AttackPlugin<never>
  /** Options as in a suite; default: the attack's defaults. Few steps keep the battery fast. */
  readonly options?: PluginOptions
  /** Options with which the seed must change the result if `meta.stochastic`; default `options`. */
  readonly seedOptions?: PluginOptions
  /** Default: all norms of its meta. */
  readonly norms?: readonly Norm[]
  /** The attack to wrap; required with an option of the role `attack`. */
  readonly inner?: ChosenAttack
  /** How many other models to attack; required with an option of the role `models`. */
  readonly surrogates?: number
  /** The transform of the threat model; required for attacks that only work with one. */
  readonly transform?: Transform
  /** True if `cost` is an upper limit: an example that is never broken may take fewer passes. */
  readonly costIsLimit?: boolean
  /** Creates the model to attack; default `LinearModel`, which cannot `compile`. */
  createModel?(classifier: LinearClassifier): Promise<Model>
}

/** Values of epsilon at which some examples are provably robust and some can be broken. */
const epsilons: Readonly<Record<Norm, number>> = {
  Linf: 0.06,
  L2: 0.35,
  L1: 0.6,
  L0: 1,
}
const count = 40
/** In L0, one pixel must not be a large part of an image. */
function shapeFor(norm: Norm): readonly [channels: number, height: number, width: number] {
  return norm === 'L0' ? [3, 16, 16] : [3, 4, 4]
}

const classes = 5
/** Margins nearer to zero than this are within float32 rounding. */
const roundingMargin = 1e-4

/**
 * All checks of an attack, in each norm. With a transform there is no check of provably robust
 * examples, since the exact oracle knows the ball only.
 * @throws ConfigError ROBENCH_CONFIG without `inner`, `surrogates` or `transform` if required
 */
export function attackConformance(subject: AttackConformance): ConformanceCheck[] {
  requireSettings(subject)
  const { plugin, norms = plugin.meta.norms, transform } = subject
  const { stochastic } = plugin.meta
  const general: ConformanceCheck[] = [
    { id: 'meta', name: 'its meta follows the contract', run: async () => checkMeta(subject) },
    {
      id: 'unknown-options',
      name: 'it rejects unknown options',
      run: async () => checkUnknownOption(subject),
    },
  ]
  const checks: readonly (readonly [ConformanceCheckId, string, Check])[] = [
    ['threat-model', 'its results are within bounds and ball; it keeps its inputs', checkResults],
    ['same-seed', 'the same seed gives the same bytes', checkSameSeed],
    [
      'other-seed',
      stochastic ? 'another seed gives another result' : 'the seed has no effect',
      checkOtherSeed,
    ],
    ['batch-size', 'batches of 1, 7 and 32 give the same bytes', checkBatchSizes],
    ['order', 'the order of the examples has no effect', checkOrder],
    ['setup', 'its cached setup does not depend on the attacked examples', checkSetup],
    ['abort', 'it stops when aborted', checkAbort],
    ['provably-robust', 'it breaks no provably robust example', checkProvablyRobust],
    ['cost', 'its cost is that of an example that is never broken', checkCost],
  ]
  const applicable = checks.filter(([id]) => id !== 'provably-robust' || !transform)
  const perNorm = norms.flatMap((norm) => {
    const shared: Shared = { baseline: undefined }
    return applicable.map(([id, name, check]) => ({
      id,
      norm,
      name: `${norm}: ${name}`,
      run: async () => {
        const trial = await prepare(subject, norm, shared)
        try {
          await check(trial, subject)
        } finally {
          for (const model of [trial.model, ...trial.surrogates]) await model.dispose()
        }
      },
    }))
  })
  return [...general, ...perNorm]
}

function requireSettings({ plugin, inner, surrogates, transform }: AttackConformance): void {
  const { meta } = plugin
  const required = {
    inner: optionWithRole(meta, 'attack') !== undefined && inner === undefined,
    surrogates: optionWithRole(meta, 'models') !== undefined && surrogates === undefined,
    transform: meta.transforms !== undefined && !meta.transformOptional && transform === undefined,
  }
  for (const [name, isMissing] of Object.entries(required)) {
    if (!isMissing) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `attack ${meta.id}: the conformance battery requires "${name}" for this attack`,
    )
  }
}

/** The attack's result on all examples of one norm, computed by the first check that needs it. */
interface Shared {
  baseline: Promise<HostedResult> | undefined
}

/** The subject of the checks in one norm. */
interface Trial {
  readonly classifier: LinearClassifier
  readonly model: Model
  readonly surrogates: readonly Model[]
  readonly inputs: FloatTensor
  readonly labels: Int32Array
  readonly threatModel: ThreatModel
  /** The options of the subject or others, resolved, with the names of surrogates. */
  resolve(options: PluginOptions | undefined): PluginOptions
  /** Attacks all examples, or those of other rows, with parts of the request replaced. */
  attack(
    changes?: Partial<AttackRequest> & { readonly rows?: readonly number[] },
  ): Promise<HostedResult>
  /** The result of `attack()` without changes, shared by the checks. */
  baseline(): Promise<HostedResult>
}

type Check = (trial: Trial, subject: AttackConformance) => Promise<void>

async function prepare(subject: AttackConformance, norm: Norm, shared: Shared): Promise<Trial> {
  const { plugin, inner, transform } = subject
  const inputShape = shapeFor(norm)
  const classifier = randomLinearClassifier(inputShape, classes, 1)
  const model = (await subject.createModel?.(classifier)) ?? new LinearModel(classifier)
  const surrogates = Array.from(
    { length: subject.surrogates ?? 0 },
    (_, place) => new LinearModel(randomLinearClassifier(inputShape, classes, 2 + place)),
  )
  const inputs = exampleInputs(inputShape)
  const labels = predictions(await model.logits(inputs))
  const stated: ThreatModel = {
    norm,
    epsilon: epsilons[norm],
    bounds: [0, 1],
    ...(transform && { transform }),
  }
  const threatModel = onShape(stated, inputs.shape)
  const resolve = (options: PluginOptions | undefined): PluginOptions => {
    const resolved = resolveOptions(plugin.meta, options, 'options')
    const option = optionWithRole(plugin.meta, 'models')
    const names = surrogates.map((_, place) => `surrogate ${place}`)
    return option === undefined ? resolved : { ...resolved, [option]: names }
  }
  const attack: Trial['attack'] = async ({ rows = [...labels.keys()], ...changes } = {}) => {
    const chosen = Int32Array.from(rows, (row) => labels[row]!)
    return runAttack({
      plugin,
      options: resolve(subject.options),
      ...(inner && { inner }),
      ...(surrogates.length > 0 && { surrogates }),
      model,
      inputs: gatherRows(inputs, rows),
      labels: chosen,
      cleanPredictions: chosen,
      exampleIndices: rows,
      reference: referenceExamples(inputs, labels),
      threatModel,
      seed: 1,
      batchSize: 8,
      signal: new AbortController().signal,
      ...changes,
    })
  }
  return {
    classifier,
    model,
    surrogates,
    inputs,
    labels,
    threatModel,
    resolve,
    attack,
    baseline: () => (shared.baseline ??= attack()),
  }
}

/** Uniform pixels, a fifth of them exactly at a bound. */
function exampleInputs(inputShape: readonly [number, number, number]): FloatTensor {
  const stream = randomStream(1, 'conformance inputs')
  const size = inputShape[0] * inputShape[1] * inputShape[2]
  const pixels = Float32Array.from({ length: count * size }, () =>
    Math.min(1, Math.max(0, 1.25 * stream.uniform() - 0.125)),
  )
  return tensor('float32', [count, ...inputShape], pixels)
}

function checkMeta({ plugin }: AttackConformance): void {
  const { problems } = compileSchema(pluginMetaSchemas.attack)(plugin.meta)
  const texts = problems.map(({ pointer, message }) => `meta${pointer} ${message}`)
  ensure(problems.length === 0, plugin, texts.join('; '))
  const problem = checkOptionRoles(plugin.meta)
  ensure(problem === undefined, plugin, problem ?? '')
}

function checkUnknownOption({ plugin, options }: AttackConformance): void {
  try {
    resolveOptions(plugin.meta, { ...options, 'no-such-option': 1 }, 'options')
  } catch (error) {
    if (error instanceof ConfigError) return
    throw error
  }
  ensure(false, plugin, 'it accepted the option "no-such-option"; close the schema')
}

const checkResults: Check = async ({ attack, baseline }) => {
  // The host verifies every result.
  await baseline()
  await attack({ rows: [3] })
}

const checkSameSeed: Check = async ({ attack, baseline }, { plugin }) => {
  const [first, second] = [await baseline(), await attack()]
  ensure(sameBytes(first, second), plugin, 'two runs with the same seed differ')
}

const checkOtherSeed: Check = async ({ attack, resolve }, { plugin, options, seedOptions }) => {
  const resolved = resolve(seedOptions ?? options)
  const first = await attack({ options: resolved, seed: 1 })
  const second = await attack({ options: resolved, seed: 2 })
  const { stochastic } = plugin.meta
  const outcome = stochastic ? 'the same' : 'another'
  ensure(
    sameBytes(first, second) !== stochastic,
    plugin,
    `meta.stochastic is ${stochastic}, but another seed gave ${outcome} result`,
  )
}

const checkBatchSizes: Check = async ({ attack }, { plugin }) => {
  const reference = await attack({ batchSize: 1 })
  for (const batchSize of [7, 32]) {
    const result = await attack({ batchSize })
    ensure(sameBytes(reference, result), plugin, `batches of 1 and ${batchSize} differ`)
  }
}

const checkOrder: Check = async ({ attack, baseline, labels }, { plugin }) => {
  const forward = await baseline()
  const rows = Array.from(labels.keys()).toReversed()
  const backward = await attack({ rows })
  const restored = { ...backward, adversarial: gatherRows(backward.adversarial, rows) }
  ensure(sameBytes(forward, restored), plugin, 'the results differ for examples in reverse order')
}

const checkSetup: Check = async ({ attack, labels }, { plugin }) => {
  const middle = Math.floor(labels.length / 2)
  const rows = Array.from(labels.keys())
  const setupCache = new SetupCache()
  await attack({ rows: rows.slice(0, middle), setupCache })
  if (setupCache.isEmpty) return
  const rest = rows.slice(middle)
  const [after, alone] = [await attack({ rows: rest, setupCache }), await attack({ rows: rest })]
  ensure(
    sameBytes(after, alone),
    plugin,
    'with a setup cached on other examples (setupOnce) its results differ',
  )
}

const checkAbort: Check = async ({ attack, model }, { plugin }) => {
  const controller = new AbortController()
  const aborting = (base: Model): Model =>
    delegateModel(base, {
      logits: async (inputs) => abortAfter(await base.logits(inputs)),
      gradient: async (...inputs) => abortAfter(await base.gradient(...inputs)),
      compile: async (build) => abortAfter(await base.compile(build)),
      variant: (options) => aborting(base.variant(options)),
    })
  function abortAfter<T>(result: T): T {
    controller.abort()
    return result
  }
  try {
    // Attacks without passes are aborted at their first progress.
    await attack({
      model: aborting(model),
      signal: controller.signal,
      batchSize: 1,
      progress: () => controller.abort(),
    })
  } catch (error) {
    if (error instanceof RobenchError && error.code === 'ROBENCH_ABORTED') return
    throw error
  }
  ensure(false, plugin, 'it did not stop after its signal was aborted')
}

const checkProvablyRobust: Check = async (trial, { plugin }) => {
  const { outcomes } = await trial.baseline()
  for (const row of provablyRobust(trial)) {
    ensure(outcomes[row] === 'r', plugin, `example ${row} is provably robust, but counts as broken`)
  }
}

const checkCost: Check = async (trial, { plugin, options, inner, costIsLimit = false }) => {
  const rows = await neverBroken(trial)
  ensure(rows.length > 0, plugin, 'it broke every example; use a smaller transform')
  const result = await trial.attack({ rows })
  const { norm } = trial.threatModel
  // The options were validated against the plugins' own schemas, which their types follow.
  const innerCost = inner?.plugin.cost(inner.options as never, classes, norm)
  const cost = plugin.cost(trial.resolve(options) as never, classes, norm, innerCost)
  const counted = {
    forward: (result.forwardPasses - (cost.setup?.forward ?? 0)) / rows.length,
    backward: (result.backwardPasses - (cost.setup?.backward ?? 0)) / rows.length,
  }
  const agrees = (passes: 'forward' | 'backward'): boolean =>
    costIsLimit ? counted[passes] <= cost[passes] : counted[passes] === cost[passes]
  ensure(
    agrees('forward') && agrees('backward'),
    plugin,
    `cost() returns ${cost.forward} forward and ${cost.backward} backward passes, ` +
      `but an example that is never broken took ${counted.forward} and ${counted.backward}`,
  )
}

/** Rows that the attack cannot break, or with a transform, does not break. */
async function neverBroken(trial: Trial): Promise<number[]> {
  if (!trial.threatModel.transform) return provablyRobust(trial)
  const { outcomes } = await trial.baseline()
  return Array.from(trial.labels.keys()).filter((row) => outcomes[row] === 'r')
}

function provablyRobust({ classifier, threatModel, inputs, labels }: Trial): number[] {
  return Array.from(labels.keys()).filter((row) => {
    const x = gatherRows(inputs, [row]).data
    return worstCaseMargin(classifier, threatModel, x, labels[row]!) > roundingMargin
  })
}

function sameBytes(a: HostedResult, b: HostedResult): boolean {
  return Buffer.from(a.adversarial.data.buffer).equals(Buffer.from(b.adversarial.data.buffer))
}

function ensure(holds: boolean, { meta }: AttackPlugin<never>, message: string): void {
  if (holds) return
  throw new PluginError('ROBENCH_PLUGIN_CONTRACT', `attack ${meta.id}: ${message}`, {
    details: { pluginId: meta.id },
  })
}
