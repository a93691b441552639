/** The battery that every attack has to pass, built-in or third party. */
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
import { resolveOptions } from '../plugin/options.ts'
import type { ChosenAttack } from '../plugin/wrapped-attack.ts'
import { randomStream } from '../base/random.ts'
import { compileSchema } from '../base/schema.ts'
import { gatherRows, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { referenceExamples } from '../threat/reference-examples.ts'
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import { LinearModel, randomLinearClassifier } from './linear-model.ts'
import type { LinearClassifier } from './linear-model.ts'
import { worstCaseMargin } from './linear-oracle.ts'

/** A named check; `run` rejects with an error that says what is wrong. Any test runner can call it. */
export interface ConformanceCheck {
  readonly name: string
  run(): Promise<void>
}

export interface AttackConformance {
  readonly plugin: AttackPlugin<never>
  /** Options as a suite would give them; the attack's defaults if left out. Few steps keep the battery quick. */
  readonly options?: PluginOptions
  /** Options under which the seed must change the answer, for an attack with `meta.stochastic`; `options` if left out. */
  readonly seedOptions?: PluginOptions
  /** The attack to wrap, for an attack with an option of the role `attack`. */
  readonly inner?: ChosenAttack
  /** Makes the model that is attacked; `LinearModel` if left out, which cannot `compile`. */
  createModel?(classifier: LinearClassifier): Promise<Model>
}

/** Some examples are provably robust and some breakable at these sizes. */
const epsilons: Readonly<Record<Norm, number>> = { Linf: 0.06, L2: 0.35, L1: 0.6 }
const count = 40
const inputShape = [3, 4, 4] as const
const classes = 5
/** Margins nearer to zero than this are left to float32 rounding. */
const blur = 1e-4

/** All checks of an attack, for each norm of its meta. */
export function attackConformance(subject: AttackConformance): ConformanceCheck[] {
  const { meta } = subject.plugin
  const general: ConformanceCheck[] = [
    { name: 'its meta keeps to the contract', run: async () => checkMeta(subject) },
    { name: 'it refuses unknown options', run: async () => checkUnknownOption(subject) },
  ]
  const checks = {
    'its answers keep to bounds and ball, and its inputs stay as they are': checkAnswers,
    'the same seed gives the same bytes': checkSameSeed,
    [meta.stochastic ? 'another seed gives another answer' : 'the seed changes nothing']:
      checkOtherSeed,
    'batches of 1, 7 and 32 give the same bytes': checkBatchSizes,
    'the order of the examples changes nothing': checkOrder,
    'what it learns once depends on no example that it attacks': checkLearned,
    'it stops when it is aborted': checkAbort,
    'it breaks no provably robust example': checkProvablyRobust,
    'its cost is what an example takes that is never fooled': checkCost,
  }
  const perNorm = meta.norms.flatMap((norm) =>
    Object.entries(checks).map(([name, check]) => ({
      name: `${norm}: ${name}`,
      run: async () => {
        const trial = await prepare(subject, norm)
        try {
          await check(trial, subject)
        } finally {
          await trial.model.dispose()
        }
      },
    })),
  )
  return [...general, ...perNorm]
}

/** What the checks of one norm share. */
interface Trial {
  readonly classifier: LinearClassifier
  readonly model: Model
  readonly inputs: FloatTensor
  readonly labels: Int32Array
  readonly threatModel: ThreatModel
  /** Attacks all examples, or those of other rows, with parts of the request replaced. */
  attack(
    changes?: Partial<AttackRequest> & { readonly rows?: readonly number[] },
  ): Promise<HostedResult>
}

type Check = (trial: Trial, subject: AttackConformance) => Promise<void>

async function prepare(subject: AttackConformance, norm: Norm): Promise<Trial> {
  const classifier = randomLinearClassifier(inputShape, classes, 1)
  const model = (await subject.createModel?.(classifier)) ?? new LinearModel(classifier)
  const inputs = exampleInputs()
  const labels = predictions(await model.logits(inputs))
  const threatModel: ThreatModel = { norm, epsilon: epsilons[norm], bounds: [0, 1] }
  const options = resolveOptions(subject.plugin.meta, subject.options, 'options')
  return {
    classifier,
    model,
    inputs,
    labels,
    threatModel,
    async attack({ rows = Array.from(labels.keys()), ...changes } = {}) {
      const chosen = Int32Array.from(rows, (row) => labels[row]!)
      return runAttack({
        plugin: subject.plugin,
        options,
        ...(subject.inner && { inner: subject.inner }),
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
    },
  }
}

/** Uniform pixels, a fifth of them exactly on a bound. */
function exampleInputs(): FloatTensor {
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
}

function checkUnknownOption({ plugin, options }: AttackConformance): void {
  try {
    resolveOptions(plugin.meta, { ...options, 'no-such-option': 1 }, 'options')
  } catch (error) {
    if (error instanceof ConfigError) return
    throw error
  }
  ensure(false, plugin, 'the option "no-such-option" was taken; the schema must be closed')
}

const checkAnswers: Check = async ({ attack }) => {
  await attack()
  await attack({ rows: [3] })
}

const checkSameSeed: Check = async ({ attack }, { plugin }) => {
  const [first, second] = [await attack(), await attack()]
  ensure(sameBytes(first, second), plugin, 'two runs with the same seed differ')
}

const checkOtherSeed: Check = async ({ attack }, { plugin, options, seedOptions }) => {
  const resolved = resolveOptions(plugin.meta, seedOptions ?? options, 'options')
  const first = await attack({ options: resolved, seed: 1 })
  const second = await attack({ options: resolved, seed: 2 })
  const { stochastic } = plugin.meta
  ensure(
    sameBytes(first, second) !== stochastic,
    plugin,
    `meta.stochastic is ${stochastic}, but another seed gave ${stochastic ? 'the same' : 'another'} answer`,
  )
}

const checkBatchSizes: Check = async ({ attack }, { plugin }) => {
  const reference = await attack({ batchSize: 1 })
  for (const batchSize of [7, 32]) {
    const answer = await attack({ batchSize })
    ensure(sameBytes(reference, answer), plugin, `batches of 1 and ${batchSize} differ`)
  }
}

const checkOrder: Check = async ({ attack, labels }, { plugin }) => {
  const forward = await attack()
  const rows = Array.from(labels.keys()).toReversed()
  const backward = await attack({ rows })
  const restored = { ...backward, adversarial: gatherRows(backward.adversarial, rows) }
  ensure(sameBytes(forward, restored), plugin, 'the examples in reverse order give other answers')
}

const checkLearned: Check = async ({ attack, labels }, { plugin }) => {
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
    'with what it learned on other examples (setupOnce) it gives other answers than without',
  )
}

const checkAbort: Check = async ({ attack, model }, { plugin }) => {
  const controller = new AbortController()
  const aborting = (base: Model): Model =>
    delegateModel(base, {
      logits: async (inputs) => afterwards(await base.logits(inputs)),
      gradient: async (...inputs) => afterwards(await base.gradient(...inputs)),
      compile: async (build) => afterwards(await base.compile(build)),
      variant: (options) => aborting(base.variant(options)),
    })
  function afterwards<T>(answer: T): T {
    controller.abort()
    return answer
  }
  try {
    await attack({ model: aborting(model), signal: controller.signal, batchSize: 1 })
  } catch (error) {
    if (error instanceof RobenchError && error.code === 'ROBENCH_ABORTED') return
    throw error
  }
  ensure(false, plugin, 'it went on after its signal was aborted')
}

const checkProvablyRobust: Check = async (trial, { plugin }) => {
  const { outcomes } = await trial.attack()
  for (const row of provablyRobust(trial)) {
    ensure(outcomes[row] === 'r', plugin, `example ${row} is provably robust, but counts as broken`)
  }
}

const checkCost: Check = async (trial, { plugin, options, inner }) => {
  const rows = provablyRobust(trial)
  const answer = await trial.attack({ rows })
  const resolved = resolveOptions(plugin.meta, options, 'options')
  // The options were validated against the plugin's own schema, which their type was read from.
  const { norm } = trial.threatModel
  const innerCost = inner?.plugin.cost(inner.options as never, classes, norm)
  const cost = plugin.cost(resolved as never, classes, norm, innerCost)
  const counted = {
    forward: (answer.forwardPasses - (cost.setup?.forward ?? 0)) / rows.length,
    backward: (answer.backwardPasses - (cost.setup?.backward ?? 0)) / rows.length,
  }
  ensure(
    counted.forward === cost.forward && counted.backward === cost.backward,
    plugin,
    `cost() says ${cost.forward} forward and ${cost.backward} backward passes, ` +
      `an example that is never fooled took ${counted.forward} and ${counted.backward}`,
  )
}

function provablyRobust({ classifier, threatModel, inputs, labels }: Trial): number[] {
  return Array.from(labels.keys()).filter((row) => {
    const x = gatherRows(inputs, [row]).data
    return worstCaseMargin(classifier, threatModel, x, labels[row]!) > blur
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
