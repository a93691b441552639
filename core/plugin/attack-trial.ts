/** One run of an attack in one ball, its answer checked and predicted anew. */
import { PluginError, RobenchError, RunError } from '../base/errors.ts'
import { hashBytes } from '../base/hash.ts'
import type { PassCounts, Program } from '../model/model.ts'
import { withDraws } from '../model/noise.ts'
import { predictions } from '../model/predictions.ts'
import { randomStream } from '../base/random.ts'
import { gatherRows, sliceRows, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { referenceExamples } from '../threat/reference-examples.ts'
import type { ReferenceExamples } from '../threat/reference-examples.ts'
import type { AttackRequest } from './attack-request.ts'
import { named, parseResult } from './parse-result.ts'
import type { ParsedResult } from './parse-result.ts'
import type { AttackContext, AttackMeta } from './contract.ts'
import { guardModel } from './guarded-model.ts'
import type { ModelWatch } from './guarded-model.ts'
import { observeQueries } from './query-observer.ts'
import type { QueryObserver } from './query-observer.ts'
import { withTimeout } from './with-timeout.ts'
import { verifyResult } from './verify-result.ts'
import { attackExtras } from './wrapped-attack.ts'

/** What one run found for the rows that it attacked. */
export interface AttackTrial {
  readonly answer: ParsedResult
  /** One for each attacked row: the host's own prediction is not the label. */
  readonly misclassified: readonly boolean[]
  /**
   * One for each attacked row: the attack asked about a misclassified point of the ball, but answered with another that is not. Absent where
   * that cannot be told: with a transform, or a model that draws random numbers.
   */
  readonly silentSuccess?: readonly boolean[]
  /** Of the attack itself, without those of the host's check. */
  readonly passes: PassCounts
}

/**
 * Attacks some rows of a request.
 * @param progress gets the number of rows that are finished
 * @throws as `runAttack`
 */
export async function runTrial(
  request: AttackRequest,
  rows: Int32Array,
  progress: (done: number) => void,
): Promise<AttackTrial> {
  const { model, labels, threatModel, plugin } = request
  const inputs = gatherRows(request.inputs, rows)
  const own = Int32Array.from(rows, (row) => labels[row]!)
  const observer =
    threatModel.transform || model.stochastic ? undefined : observeQueries(inputs, own, threatModel)
  const before = { ...model.passes }
  const answer = await callPlugin(request, rows, inputs, progress, observer)
  const after = { ...model.passes }
  await verifyResult({
    meta: plugin.meta,
    answer,
    inputs,
    threatModel,
    exampleIndices: Array.from(rows, (row) => request.exampleIndices[row]!),
    reference: referenceOf(request),
  })
  const predicted = await predictAll(request, answer.points)
  const misclassified = Array.from(own, (label, place) => predicted[place] !== label)
  return {
    answer,
    misclassified,
    ...(observer && {
      silentSuccess: misclassified.map((is, place) => !is && observer.seenBroken[place] === 1),
    }),
    passes: {
      forward: after.forward - before.forward,
      backward: after.backward - before.backward,
    },
  }
}

/** Hands the plugin copies, and finds out whether it changed them. */
async function callPlugin(
  request: AttackRequest,
  rows: Int32Array,
  inputs: FloatTensor,
  progress: (done: number) => void,
  observer: QueryObserver | undefined,
): Promise<ParsedResult> {
  const { plugin, seed, exampleIndices, signal, timeLimitMs } = request
  const { meta } = plugin
  const given = tensor('float32', inputs.shape, inputs.data.slice())
  const labels = Int32Array.from(rows, (row) => request.labels[row]!)
  const identity = hashData(given.data, labels)
  // Of a model that draws random numbers: an attack knows other ones than those that judge its answer.
  const drawing = withDraws(request.model, `attack/${seed}/${meta.id}`)
  const programs: Pick<Program, 'release'>[] = []
  const watch: ModelWatch = {
    ...(observer && { observe: observer.observe }),
    compiled: (program) => programs.push(program),
  }
  const run = (inner: AbortSignal): ReturnType<typeof plugin.run> => {
    const context: AttackContext = {
      model: guardModel(drawing, meta, inner, watch),
      inputs: Object.freeze(given),
      labels,
      threatModel: structuredClone(request.threatModel),
      options: structuredClone(request.options),
      reference: referenceOf(request),
      rng: {
        stream: (row, restart, name = '') =>
          randomStream(seed, meta.id, exampleIndices[rows[row]!]!, restart, name),
      },
      batchSize: request.batchSize,
      signal: inner,
      progress: (done) => progress(Math.min(done, rows.length)),
      ...attackExtras(request, request.surrogates, inner),
      setupOnce: (name, learn) => recall(request, name, learn),
    }
    // The options were validated against the plugin's own schema, which their type was read from.
    return plugin.run(context as AttackContext<never>)
  }
  const answer = await withTimeout(
    { name: named(meta), signal, ...(timeLimitMs !== undefined && { timeLimitMs }) },
    async (inner) => {
      try {
        return await run(inner)
      } catch (error) {
        throw wrapped(meta, error)
      }
    },
  ).finally(async () => {
    // The model outlives this run: what was compiled for it would pile up.
    for (const program of programs) await program.release()
  })
  if (hashData(given.data, labels) !== identity) {
    throw new PluginError(
      'ROBENCH_PLUGIN_CONTRACT',
      `${named(meta)} changed its inputs or labels; an attack must work on a copy`,
      { details: { pluginId: meta.id } },
    )
  }
  return parseResult(meta, answer, inputs.shape)
}

/**
 * Learned in each ball by itself. Of a model that draws random numbers nothing is kept: how often it was asked before would change what
 * it draws afterwards.
 */
async function recall<T>(
  { setupCache, model, threatModel }: AttackRequest,
  name: string,
  learn: () => Promise<T>,
): Promise<T> {
  if (!setupCache || model.stochastic) return learn()
  return setupCache.recall(`${threatModel.epsilon} ${name}`, learn)
}

/** The data set's examples, or else those of the request. */
function referenceOf({ reference, inputs, labels }: AttackRequest): ReferenceExamples {
  return reference ?? referenceExamples(inputs, labels)
}

async function predictAll(request: AttackRequest, points: FloatTensor): Promise<Int32Array> {
  const { batchSize, signal } = request
  const model = withDraws(request.model, 'check')
  const count = points.shape[0]!
  const predicted = new Int32Array(count)
  for (let start = 0; start < count; start += batchSize) {
    if (signal.aborted) {
      throw new RunError('ROBENCH_ABORTED', 'the check of an attack was interrupted', {
        cause: signal.reason,
      })
    }
    const end = Math.min(count, start + batchSize)
    predicted.set(predictions(await model.logits(sliceRows(points, start, end))), start)
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

function hashData(...arrays: readonly (Float32Array | Int32Array)[]): string {
  return hashBytes(...arrays.map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)))
}
