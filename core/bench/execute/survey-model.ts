/** A few steps of PGD on a small sample, from which a plan expects the time of its attacks. */
import { RobenchError, RunError } from '../../base/errors.ts'
import { randomStream } from '../../base/random.ts'
import { sumBy } from '../../base/sum.ts'
import type { Dataset } from '../../data/dataset.ts'
import { gatherRows, sliceRows } from '../../engine/tensor/tensor.ts'
import type { Model } from '../../model/model.ts'
import { withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import { createBall } from '../../threat/ball.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { batchedLogits } from '../checks/batched.ts'
import { runReferencePgd } from '../checks/reference-pgd.ts'
import type { AscentSubject, ReferencePgdOptions } from '../checks/reference-pgd.ts'
import type { PassTimes, Survey } from '../plan/model-row.ts'

/** Steps of the survey, of a quarter of ε each: they leave little more robust than 50 steps do. */
const steps = 10
const stepFraction = 0.25

/** The most examples of a survey, and the fewest that say anything. */
const mostExamples = 64
const leastExamples = 8

/** The share of the longest time of the run that a survey may take, and its limits in ms. */
const share = 0.03
const leastMs = 250
const mostMs = 20_000

/** Steps until a broken example breaks, where nothing was attacked. */
const assumedSteps = 3

/** What a survey is about. */
export interface SurveyRequest {
  readonly model: Model
  readonly dataset: Pick<Dataset, 'rows' | 'labels'>
  /** The first examples of the data, from which the sample is taken. */
  readonly examples: number
  readonly threatModel: ThreatModel
  readonly times: PassTimes
  /** The longest time of the run in ms, on one worker. */
  readonly longestMs: number
  /** Examples per pass. */
  readonly batchSize: number
  /** Correctly classified examples of those that were timed, and their number. */
  readonly timed: { readonly correct: number; readonly examples: number }
  readonly signal: AbortSignal
}

/**
 * Attacks a sample, spread evenly over the examples. Nothing is attacked where the model has no
 * gradient, where the threat model is not a plain ball in L∞, L2, or L1, or where that would take
 * too long; then half of the examples that are classified correctly are assumed to be robust. The
 * same is assumed if the model fails on the sample, of which the run will tell.
 * @throws RunError ROBENCH_ABORTED
 */
export async function surveyModel(request: SurveyRequest): Promise<Survey> {
  try {
    return await attackSample(request)
  } catch (cause) {
    if (request.signal.aborted) {
      throw new RunError('ROBENCH_ABORTED', 'the run was interrupted', { cause })
    }
    if (!(cause instanceof RobenchError)) throw cause
    return assumed(request.timed)
  }
}

async function attackSample(request: SurveyRequest): Promise<Survey> {
  const { dataset, examples, threatModel, times, longestMs, batchSize, signal } = request
  const { forwardMs, backwardMs } = times
  const budgetMs = Math.min(mostMs, Math.max(leastMs, share * longestMs))
  const perExampleMs = (steps + 2) * forwardMs + steps * backwardMs
  const count = Math.min(mostExamples, examples, Math.floor(budgetMs / perExampleMs))
  const enough = count >= Math.min(leastExamples, examples)
  if (!isPlainBall(threatModel) || backwardMs === 0 || !enough) return assumed(request.timed)
  const rows = Int32Array.from({ length: count }, (_, i) =>
    Math.floor(((i + 0.5) * examples) / count),
  )
  const model = withDraws(request.model, 'survey')
  const all = dataset.rows(rows)
  const labels = rows.map((row) => dataset.labels[row]!)
  const predicted = predictions(await batchedLogits({ model, batchSize, signal }, all))
  const right = Int32Array.from(rows.keys()).filter((i) => predicted[i] === labels[i])
  if (right.length === 0) return { examples: count, correct: 0, robust: 0, steps: 0, pace: 1 }
  const inputs = gatherRows(all, right)
  const { norm, epsilon, bounds } = threatModel
  const subject: AscentSubject = {
    model,
    inputs,
    labels: right.map((i) => labels[i]!),
    threatModel: { norm, epsilon, bounds },
    context: { batchSize, signal },
    ball: (row, ball) => createBall(ball, sliceRows(inputs, row, row + 1).data),
    stream: (row, name) => randomStream('survey', row, 0, name),
  }
  const options: ReferencePgdOptions = {
    loss: 'cross-entropy',
    steps,
    stepFraction,
    epsilon,
    start: 'input',
  }
  const before = { ...model.passes }
  const started = performance.now()
  const { fooledAt } = await runReferencePgd(subject, options)
  const elapsedMs = performance.now() - started
  const timedMs =
    (model.passes.forward - before.forward) * forwardMs +
    (model.passes.backward - before.backward) * backwardMs
  const broken = [...fooledAt].filter((at) => at >= 0)
  return {
    examples: count,
    correct: right.length,
    robust: right.length - broken.length,
    steps: broken.length === 0 ? assumedSteps : sumBy(broken, (at) => at) / broken.length,
    pace: Math.max(1, elapsedMs / timedMs),
  }
}

function isPlainBall({ norm, epsilon, given, target }: ThreatModel): boolean {
  return norm !== 'L0' && epsilon > 0 && given === undefined && target === undefined
}

function assumed({ correct, examples }: SurveyRequest['timed']): Survey {
  return { examples, correct, robust: correct / 2, steps: assumedSteps, pace: 1, assumed: true }
}
