/** Runs an attack and believes nothing of what it returns. */
import { PluginError, RobenchError, RunError } from '../errors.ts'
import { hashBytes } from '../hash.ts'
import type { Model } from '../model/model.ts'
import { predictions } from '../model/predictions.ts'
import { randomStream } from '../random.ts'
import { gatherRows, sizeOf, sliceRows, tensor } from '../tensor/tensor.ts'
import type { FloatTensor } from '../tensor/tensor.ts'
import type { ThreatModel } from '../threat/threat-model.ts'
import { describeViolation, verifyInside } from '../threat/verify.ts'
import type {
  AttackContext,
  AttackMeta,
  AttackPlugin,
  PluginOptions,
  StagedAnswer,
} from './contract.ts'
import { guardModel } from './guarded-model.ts'
import { checkStages, outcomesByStage } from './stages.ts'
import type { StageOutcomes } from './stages.ts'
import { untilStopped } from './until-stopped.ts'

export interface AttackRequest {
  readonly plugin: AttackPlugin<never>
  /** Validated against the plugin's schema, defaults filled in. */
  readonly options: PluginOptions
  readonly model: Model
  /** `[n, c, h, w]` */
  readonly inputs: FloatTensor
  /** `[n]` */
  readonly labels: Int32Array
  /** `[n]`: the model's predictions without attack. Only correctly classified examples are attacked. */
  readonly cleanPredictions: Int32Array
  /** `[n]`: positions in the data set, which name the random streams and the errors. */
  readonly exampleIndices: ArrayLike<number>
  readonly threatModel: ThreatModel
  readonly seed: number
  readonly batchSize: number
  readonly signal: AbortSignal
  /** No limit if left out; see `untilStopped` for what it cannot stop. */
  readonly timeLimitMs?: number
  /** @param total examples that are attacked */
  progress?(done: number, total: number): void
}

export interface AttackAnswer {
  /** One character an example: `w` wrong already without attack, `r` robust, `b` broken. */
  readonly outcomes: string
  /** `[n, c, h, w]`; an example that was not attacked is as it was. */
  readonly adversarial: FloatTensor
  /** The attack's own passes, without those of the host's check. */
  readonly forwardPasses: number
  readonly backwardPasses: number
  /** Of an attack that has stages and says so: the outcomes had it ended after each of them. */
  readonly stages?: readonly StageOutcomes[]
}

/**
 * Attacks the correctly classified examples, checks every answer (shape, dtype, finite, bounds, ball: exact, in float64,
 * but for 1e-6 of ε in L2) and predicts it anew.
 * @throws PluginError ROBENCH_PLUGIN_ANSWER if an answer breaks the threat model, ROBENCH_PLUGIN_CONTRACT if the plugin changed its inputs,
 * ROBENCH_PLUGIN_FAILED if it threw; RunError ROBENCH_TIMEOUT or ROBENCH_ABORTED; errors of the model or the options unchanged.
 */
export async function runAttack(request: AttackRequest): Promise<AttackAnswer> {
  const { model, inputs, labels, cleanPredictions } = request
  const rowShape = inputs.shape.slice(1)
  const count = labels.length
  const attacked = Int32Array.from({ length: count }, (_, row) => row).filter(
    (row) => cleanPredictions[row] === labels[row],
  )
  const adversarial = tensor('float32', inputs.shape, inputs.data.slice())
  const outcomes = Array.from({ length: count }, () => 'w')
  const before = { ...model.passes }
  let after = before
  let staged: StagedAnswer | undefined
  if (attacked.length > 0) {
    const answer = await callPlugin(request, attacked)
    after = { ...model.passes }
    const points = 'stages' in answer ? answer.adversarial : answer
    if ('stages' in answer) staged = answer
    checkRows(request, attacked, points)
    attacked.forEach((row, place) => {
      adversarial.data.set(sliceRows(points, place, place + 1).data, row * sizeOf(rowShape))
    })
    const predicted = await predictAll(request, gatherRows(adversarial, attacked))
    attacked.forEach((row, place) => {
      outcomes[row] = predicted[place] === labels[row] ? 'r' : 'b'
    })
  }
  return {
    outcomes: outcomes.join(''),
    adversarial,
    forwardPasses: after.forward - before.forward,
    backwardPasses: after.backward - before.backward,
    ...(staged && { stages: outcomesByStage(staged, attacked, outcomes) }),
  }
}

/** Hands the plugin copies, and finds out whether it changed them. */
async function callPlugin(
  request: AttackRequest,
  attacked: Int32Array,
): Promise<FloatTensor | StagedAnswer> {
  const { plugin, seed, exampleIndices } = request
  const { meta } = plugin
  const inputs = gatherRows(request.inputs, attacked)
  const labels = attacked.map((row) => request.labels[row]!)
  const identity = hashData(inputs.data, labels)
  const run = (signal: AbortSignal): Promise<FloatTensor | StagedAnswer> => {
    const context: AttackContext = {
      model: guardModel(request.model, meta, signal),
      inputs: Object.freeze(inputs),
      labels,
      threatModel: structuredClone(request.threatModel),
      options: structuredClone(request.options),
      rng: {
        stream: (row, restart, name = '') =>
          randomStream(seed, meta.id, exampleIndices[attacked[row]!]!, restart, name),
      },
      batchSize: request.batchSize,
      signal,
      progress: (done) => request.progress?.(Math.min(done, attacked.length), attacked.length),
    }
    // The options were validated against the plugin's own schema, which their type was read from.
    return plugin.run(context as AttackContext<never>)
  }
  const { signal, timeLimitMs } = request
  const answer = await untilStopped(
    { name: named(meta), signal, ...(timeLimitMs !== undefined && { timeLimitMs }) },
    async (inner) => {
      try {
        return await run(inner)
      } catch (error) {
        throw wrapped(meta, error)
      }
    },
  )
  if (hashData(inputs.data, labels) !== identity) {
    throw new PluginError(
      'ROBENCH_PLUGIN_CONTRACT',
      `${named(meta)} changed its inputs or labels; an attack must work on a copy`,
      { details: { pluginId: meta.id } },
    )
  }
  if (typeof answer === 'object' && answer !== null && 'stages' in answer) {
    const problem = checkStages(answer, labels.length)
    if (problem !== undefined) throw answerError(meta, problem)
    checkForm(meta, answer.adversarial, inputs.shape)
  } else {
    checkForm(meta, answer, inputs.shape)
  }
  return answer
}

function checkForm(meta: AttackMeta, answer: unknown, shape: readonly number[]): void {
  const expected = `a float32 tensor of shape [${shape.join(', ')}]`
  if (typeof answer !== 'object' || answer === null) {
    throw answerError(meta, `expected ${expected}, got ${String(answer)}`)
  }
  const { dtype, shape: got, data } = answer as Partial<FloatTensor>
  if (dtype !== 'float32' || !(data instanceof Float32Array)) {
    throw answerError(meta, `expected ${expected}, got dtype ${String(dtype)}`)
  }
  if (!Array.isArray(got) || got.join() !== shape.join() || data.length !== sizeOf(shape)) {
    throw answerError(
      meta,
      `expected ${expected}, got shape [${String(got)}] with ${data.length} elements`,
    )
  }
}

/** Each attacked example's answer against the threat model. */
function checkRows(request: AttackRequest, attacked: Int32Array, answer: FloatTensor): void {
  const { plugin, inputs, exampleIndices, threatModel } = request
  attacked.forEach((row, place) => {
    const center = sliceRows(inputs, row, row + 1).data
    const violation = verifyInside(threatModel, center, sliceRows(answer, place, place + 1).data)
    if (violation === undefined) return
    const example = exampleIndices[row]!
    const reason = `its answer for example ${example} ${describeViolation(violation)}`
    throw answerError(plugin.meta, reason, { example, violation })
  })
}

async function predictAll(request: AttackRequest, inputs: FloatTensor): Promise<Int32Array> {
  const { model, batchSize, signal } = request
  const count = inputs.shape[0]!
  const predicted = new Int32Array(count)
  for (let start = 0; start < count; start += batchSize) {
    if (signal.aborted) {
      throw new RunError('ROBENCH_ABORTED', 'the check of an attack was interrupted', {
        cause: signal.reason,
      })
    }
    const end = Math.min(count, start + batchSize)
    predicted.set(predictions(await model.logits(sliceRows(inputs, start, end))), start)
  }
  return predicted
}

/** Errors of the model or of the options name their own place; anything else is the plugin's failure. */
function wrapped(meta: AttackMeta, error: unknown): RobenchError {
  if (error instanceof RobenchError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new PluginError('ROBENCH_PLUGIN_FAILED', `${named(meta)} failed: ${reason}`, {
    details: { pluginId: meta.id, pluginVersion: meta.version },
    cause: error,
  })
}

function answerError(
  meta: AttackMeta,
  reason: string,
  details: Readonly<Record<string, unknown>> = {},
): PluginError {
  return new PluginError('ROBENCH_PLUGIN_ANSWER', `${named(meta)}: ${reason}`, {
    details: { pluginId: meta.id, ...details },
  })
}

function named({ id, version }: AttackMeta): string {
  return `attack ${id} (version ${version})`
}

function hashData(...arrays: readonly (Float32Array | Int32Array)[]): string {
  return hashBytes(...arrays.map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)))
}
