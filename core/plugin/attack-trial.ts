/** One run of an attack in one ball, with its result verified and predicted by the host. */
import { PluginError, RobenchError, RunError } from '../base/errors.ts'
import { hashBytes } from '../base/hash.ts'
import type { AttackTask } from '../attack/task.ts'
import type { PassCounts, Program } from '../model/model.ts'
import { drawsOf, isMostlyCorrect, withDraws } from '../model/noise.ts'
import { predictions } from '../model/predictions.ts'
import { randomStream } from '../base/random.ts'
import { gatherRows, sliceRows, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { referenceExamples } from '../threat/reference-examples.ts'
import type { ReferenceExamples } from '../threat/reference-examples.ts'
import type { AttackRequest } from './attack-request.ts'
import { reasonOf } from './blame.ts'
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

/** The findings of one run for the rows that it attacked. */
export interface AttackTrial {
  readonly result: ParsedResult
  /**
   * One per attacked row: true if the host's own prediction differs from the label, or is the
   * target. For a stochastic model, if at most half of its predictions are correct.
   */
  readonly misclassified: readonly boolean[]
  /** One per attacked row: how many of the host's predictions equal the label. */
  readonly correctDraws: Int32Array
  /**
   * One per attacked row: true if the attack queried a misclassified point of the ball, but
   * returned a point that is classified correctly. Absent where that cannot be observed: with a
   * transform, or a model that draws random numbers.
   */
  readonly silentSuccess?: readonly boolean[]
  /** Passes of the attack, without those of the host's verification. */
  readonly passes: PassCounts
}

/**
 * Attacks some rows of a request.
 * @param progress receives the number of finished rows
 * @throws as `runAttack`
 */
export async function runTrial(
  request: AttackRequest,
  rows: Int32Array,
  progress: AttackTask['progress'],
): Promise<AttackTrial> {
  const { model, labels, threatModel, plugin } = request
  const inputs = gatherRows(request.inputs, rows)
  const own = Int32Array.from(rows, (row) => labels[row]!)
  const targets = request.targets && Int32Array.from(rows, (row) => request.targets![row]!)
  const observer =
    threatModel.transform || model.stochastic
      ? undefined
      : observeQueries(inputs, own, threatModel, targets)
  const before = { ...model.passes }
  const result = await callPlugin(request, rows, inputs, progress, observer)
  const after = { ...model.passes }
  await verifyResult({
    meta: plugin.meta,
    result,
    inputs,
    threatModel,
    exampleIndices: Array.from(rows, (row) => request.exampleIndices[row]!),
    reference: referenceOf(request),
  })
  const draws = drawsOf(model, request.draws)
  const correctDraws = await countCorrectDraws(
    request,
    result.points,
    { labels: own, targets },
    draws,
  )
  const misclassified = Array.from(correctDraws, (correct) => !isMostlyCorrect(correct, draws))
  return {
    result,
    misclassified,
    correctDraws,
    ...(observer && {
      silentSuccess: misclassified.map(
        (is, position) => !is && observer.seenBroken[position] === 1,
      ),
    }),
    passes: {
      forward: after.forward - before.forward,
      backward: after.backward - before.backward,
    },
  }
}

/** Runs the plugin on copies of the data, and rejects the result if it modified them. */
async function callPlugin(
  request: AttackRequest,
  rows: Int32Array,
  inputs: FloatTensor,
  progress: AttackTask['progress'],
  observer: QueryObserver | undefined,
): Promise<ParsedResult> {
  const { plugin, signal, timeLimitMs } = request
  const { meta } = plugin
  const given = tensor('float32', inputs.shape, inputs.data.slice())
  const labels = Int32Array.from(rows, (row) => request.labels[row]!)
  const identity = hashData(given.data, labels)
  const programs: Pick<Program, 'release'>[] = []
  const watch: ModelWatch = {
    ...(observer && { observe: observer.observe }),
    compiled: (program) => programs.push(program),
  }
  const task = { given, labels, rows, progress, watch }
  const result = await withTimeout(
    { name: named(meta), signal, ...(timeLimitMs !== undefined && { timeLimitMs }) },
    async (inner) => {
      try {
        // The options were validated against the plugin's own schema, which their type follows.
        return await plugin.run(createContext(request, task, inner) as AttackContext<never>)
      } catch (error) {
        throw wrapped(meta, error)
      }
    },
  ).finally(async () => {
    // The model outlives this run: programs compiled for it would accumulate.
    for (const program of programs) await program.release()
  })
  if (hashData(given.data, labels) !== identity) {
    throw new PluginError(
      'ROBENCH_PLUGIN_CONTRACT',
      `${named(meta)} modified its inputs or labels; attacks must work on a copy`,
      { details: { pluginId: meta.id } },
    )
  }
  return parseResult(meta, result, inputs.shape)
}

/** Characters of a stage's name that are shown. */
const longestStage = 24

/** The arguments of one run of a plugin, beside the settings of the request. */
interface PluginTask {
  readonly given: FloatTensor
  readonly labels: Int32Array
  readonly rows: Int32Array
  readonly progress: AttackTask['progress']
  readonly watch: ModelWatch
}

function createContext(
  request: AttackRequest,
  { given, labels, rows, progress, watch }: PluginTask,
  signal: AbortSignal,
): AttackContext {
  const { plugin, seed, exampleIndices } = request
  const { meta } = plugin
  const streams = meta.streamsOf ?? meta.id
  // With a model that draws random numbers, attacks see other draws than the host's verification.
  const drawing = withDraws(request.model, `attack/${seed}/${streams}`)
  return {
    model: guardModel(drawing, meta, signal, watch),
    inputs: Object.freeze(given),
    labels,
    threatModel: structuredClone(request.threatModel),
    ...(request.targets && { targets: Int32Array.from(rows, (row) => request.targets![row]!) }),
    options: structuredClone(request.options),
    reference: referenceOf(request),
    rng: {
      stream: (row, restart, name = '') =>
        randomStream(seed, streams, exampleIndices[rows[row]!]!, restart, name),
    },
    batchSize: request.batchSize,
    signal,
    progress: (done, stage) => {
      // Whatever a plugin reports, progress is a number of examples.
      if (!Number.isFinite(done)) return
      const named = typeof stage === 'string' ? stage.slice(0, longestStage) : undefined
      progress(Math.max(0, Math.min(done, rows.length)), named)
    },
    ...attackExtras(request, request.surrogates, signal),
    setupOnce: (name, compute) => setUp(request, name, compute),
  }
}

/**
 * The attack's setup, cached per ball. With a model that draws random numbers nothing is cached:
 * the number of earlier passes would change later draws.
 */
async function setUp<T>(
  { setupCache, model, threatModel }: AttackRequest,
  name: string,
  compute: () => Promise<T>,
): Promise<T> {
  if (!setupCache || model.stochastic) return compute()
  return setupCache.recall(`${threatModel.epsilon} ${name}`, compute)
}

/** The data set's examples; default: those of the request. */
function referenceOf({ reference, inputs, labels }: AttackRequest): ReferenceExamples {
  return reference ?? referenceExamples(inputs, labels)
}

/**
 * Predicts each point `draws` times, and counts the predictions that equal the label, or with
 * targets, those that are not the target. The random
 * numbers of a point follow from its bytes and the draw, so they depend neither on the other points
 * nor on the attack's own passes.
 */
async function countCorrectDraws(
  request: AttackRequest,
  points: FloatTensor,
  { labels, targets }: { labels: Int32Array; targets: Int32Array | undefined },
  draws: number,
): Promise<Int32Array> {
  const { batchSize, signal } = request
  const model = withDraws(request.model, 'check')
  const count = points.shape[0]!
  const correct = new Int32Array(count)
  for (let start = 0; start < count; start += batchSize) {
    const end = Math.min(count, start + batchSize)
    const batch = sliceRows(points, start, end)
    for (let draw = 0; draw < draws; draw++) {
      if (signal.aborted) {
        throw new RunError('ROBENCH_ABORTED', 'the verification of an attack was interrupted', {
          cause: signal.reason,
        })
      }
      predictions(await model.logits(batch)).forEach((label, place) => {
        const at = start + place
        const isCorrect = targets ? label !== targets[at] : label === labels[at]
        if (isCorrect) correct[at]! += 1
      })
    }
  }
  return correct
}

/** Errors of the model and the options stay as they are; all others are failures of the plugin. */
function wrapped(meta: AttackMeta, error: unknown): RobenchError {
  if (error instanceof RobenchError) return error
  return new PluginError('ROBENCH_PLUGIN_FAILED', `${named(meta)} failed: ${reasonOf(error)}`, {
    details: { pluginId: meta.id, pluginVersion: meta.version },
    cause: error,
  })
}

function hashData(...arrays: readonly (Float32Array | Int32Array)[]): string {
  return hashBytes(...arrays.map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)))
}
