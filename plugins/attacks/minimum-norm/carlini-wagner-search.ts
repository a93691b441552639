/** The attacks of Carlini and Wagner in L2 and Linf. */
import {
  attackLosses,
  checkGradient,
  distance,
  rowOf,
  scheduleTask,
  stackPoints,
  trackNearestAdversarial,
  v,
  vectorLoop,
} from '../../../core/api/attack.ts'
import type { AttackTask, NearestAdversarial } from '../../../core/api/attack.ts'
import { margin as marginLoss, sizeOf } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { forNorm } from '../../../core/api/plugin.ts'
import { descend, readPoint, startBoxVariable } from './box-variable.ts'
import type { BoxVariable } from './box-variable.ts'
import { penaltyMethods } from './penalty-search.ts'
import type { PenaltyMethod, PenaltySearch } from './penalty-search.ts'

export interface CarliniWagnerOptions {
  /** Steps of Adam per run, 1 or more. */
  readonly steps: number
  /** Runs, each with a different constant (L2) or threshold (Linf); 1 or more. */
  readonly searchSteps: number
  readonly learningRate: number
  /** c of the first run; in Linf, relative to the gradient of the margin. */
  readonly initialConstant: number
  /** κ: the margin that a point needs to count as fooling, 0 or more. */
  readonly confidence: number
  /** Whether a run may end before its last step. */
  readonly abortEarly: boolean
}

/** One example. */
interface CarliniWagnerAttempt {
  readonly row: number
  readonly center: Float32Array
  readonly point: Float32Array
  /** The start of each run. */
  readonly start: Float32Array
  readonly penalty: PenaltySearch
  variable: BoxVariable
  run: number
  step: number
  /**
   * Distance of the nearest fooling point of all runs, and of this run, in units of the width of
   * the bounds.
   */
  best: number
  length: number
  /** The objective at the last check for progress. */
  lastObjective: number
}

/** The state that all attempts share. */
interface Search {
  readonly task: AttackTask
  readonly options: CarliniWagnerOptions
  readonly method: PenaltyMethod
  readonly nearest: NearestAdversarial
  readonly scratch: Float64Array
  readonly penalize: ReturnType<typeof preparePenalty>
  /** Of the bounds. */
  readonly width: number
}

/**
 * The minimum perturbation by a penalty method: minimizes P(δ) + c·max(z_y − max_{i≠y} z_i + κ, 0)
 * in runs of Adam, with δ = x' − x in units of the width of the bounds, and x' within the bounds by
 * `BoxVariable`.
 *
 * L2: P = ‖δ‖₂². c grows tenfold until a run fools the model, and is then bisected. Each run starts
 * at the input. It ends early if the objective has not fallen by a fraction of 10⁻⁴ over a tenth of
 * its steps.
 *
 * Linf: P = Σ max(|δ_i| − τ, 0). Runs start at the nearest fooling point so far, and end at one
 * with ‖δ‖∞ ≤ τ. The paper lowers τ from 1 by tenths until no c up to 20 works. Here τ starts at ε,
 * beyond which no point counts, and is bisected between the last τ that failed and the smallest
 * ‖δ‖∞ found. Both terms can be zero if such a point exists, so c only affects how well Adam
 * converges: it is relative to the mean |∂margin/∂x'_i|, which makes it invariant to the scale of
 * the logits, and it is raised only until a run succeeds. The learning rate is annealed by a cosine
 * to a hundredth; otherwise Adam's oscillations would be as large as usual perturbations.
 *
 * Pixels on a bound, where tanh is flat, leave it only after some hundred steps. Also differs from
 * the reference code: runs end early per example, not per batch; distances are from the input
 * itself, not from its image under tanh.
 * @see Carlini and Wagner 2016, sections V and VI
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite; ConfigError ROBENCH_CONFIG
 * in L1 and L0
 */
export async function carliniWagnerSearch(
  task: AttackTask,
  options: CarliniWagnerOptions,
): Promise<FloatTensor> {
  const { model, inputs, labels, threatModel } = task
  const { norm, epsilon, bounds } = threatModel
  const { searchSteps, initialConstant, confidence } = options
  const width = bounds[1] - bounds[0]
  const exampleShape = inputs.shape.slice(1)
  const scratch = new Float64Array(sizeOf(exampleShape))
  const nearest = trackNearestAdversarial(task, confidence)
  const method = forNorm(penaltyMethods, norm, 'carlini-wagner')
  const penalize = forNorm(penalties, norm, 'carlini-wagner')
  const search: Search = { task, options, method, nearest, scratch, penalize, width }

  const open = (row: number): CarliniWagnerAttempt => {
    const center = rowOf(inputs, row)
    return {
      row,
      center,
      point: center.slice(),
      start: center.slice(),
      penalty: method.begin(epsilon / width, initialConstant),
      variable: startBoxVariable(bounds, center),
      run: 0,
      step: 0,
      best: Infinity,
      length: Infinity,
      lastObjective: Infinity,
    }
  }

  /** Prepares the next run. Returns false if no run is left. */
  const startNext = (attempt: CarliniWagnerAttempt): boolean => {
    method.next(attempt.penalty, attempt.length)
    attempt.run += 1
    attempt.step = 0
    attempt.length = Infinity
    attempt.lastObjective = Infinity
    attempt.variable = startBoxVariable(bounds, attempt.start)
    return attempt.run < searchSteps
  }

  const advance = async (active: readonly CarliniWagnerAttempt[]): Promise<boolean[]> => {
    for (const { variable, point } of active) readPoint(variable, point)
    const points = active.map(({ point }) => point)
    const own = Int32Array.from(active, ({ row }) => labels[row]!)
    const result = await model.gradient(stackPoints(points, exampleShape), own, marginLoss)
    return active.map((attempt, place) => {
      const { row, step, run } = attempt
      const gradient = rowOf(result.gradient, place)
      checkGradient(gradient, `row ${row} at step ${step} of run ${run}`, { row, step, run })
      const ends = stepOnce(search, attempt, rowOf(result.logits, place), gradient)
      return ends && !startNext(attempt)
    })
  }

  await scheduleTask(task, { open, advance })
  return nearest.adversarial
}

/** Judges the point, and takes a step of Adam. Returns true if the run has ended. */
function stepOnce(
  search: Search,
  attempt: CarliniWagnerAttempt,
  logits: Float32Array,
  gradient: Float32Array,
): boolean {
  const { steps, abortEarly } = search.options
  const reached = judge(search, attempt, logits)
  const objective = descendObjective(search, attempt, logits, gradient)
  const stuck = isStuck(search, attempt, objective)
  attempt.step += 1
  return attempt.step >= steps || (abortEarly && (reached || stuck))
}

/** Records the point. Returns true if a run may end there. */
function judge(
  { task, method, nearest, width }: Search,
  attempt: CarliniWagnerAttempt,
  logits: Float32Array,
): boolean {
  const { row, center, point, start, penalty } = attempt
  if (!nearest.record(row, point, logits)) return false
  const length = distance(task.threatModel.norm, center, point) / width
  attempt.length = Math.min(attempt.length, length)
  if (length < attempt.best) {
    attempt.best = length
    if (method.startsAtBest) start.set(point)
  }
  return method.reached(length, penalty)
}

/** P(δ), and the gradient of the objective, of whose second part `pull` is the factor. */
function preparePenalty({ cost, slope }: PenaltyMethod) {
  return vectorLoop({
    arrays: { point: 'float32', center: 'float32', gradient: 'float32', slope: 'float64' },
    scalars: ['width', 'threshold', 'pull'],
    body({ point, center, gradient, width, threshold, pull }) {
      const delta = v.div(v.sub(point, center), width)
      const own = v.div(slope(delta, threshold), width)
      return {
        writes: { slope: v.sub(own, v.mul(pull, gradient)) },
        sums: { cost: cost(delta, threshold) },
      }
    },
  })
}

const penalties = {
  L2: preparePenalty(penaltyMethods.L2),
  Linf: preparePenalty(penaltyMethods.Linf),
}

/** Takes one step of Adam. Returns the objective before it. */
function descendObjective(
  { task, options, method, scratch, penalize, width }: Search,
  attempt: CarliniWagnerAttempt,
  logits: Float32Array,
  gradient: Float32Array,
): number {
  const { steps, learningRate, confidence } = options
  const { row, center, point, penalty, variable, step } = attempt
  const margin = attackLosses.margin.value(logits, task.labels[row]!)
  const hinge = Math.max(confidence - margin, 0)
  const weight = method.weight(penalty.constant, gradient, width)
  const { cost } = penalize.run(
    { point, center, gradient, slope: scratch },
    { width, threshold: penalty.threshold, pull: hinge > 0 ? weight : 0 },
  )
  descend(variable, scratch, learningRate * method.anneal(step / steps))
  return weight * hinge + cost
}

/** Every tenth of a run: whether the objective has stopped falling since the last check. */
function isStuck(
  { options, method }: Search,
  attempt: CarliniWagnerAttempt,
  objective: number,
): boolean {
  const interval = Math.max(Math.floor(options.steps / 10), 1)
  if (!method.endsWhenStuck || attempt.step % interval !== 0) return false
  const stuck = objective > (1 - 1e-4) * attempt.lastObjective
  attempt.lastObjective = objective
  return stuck
}

/** Passes for an example whose runs all take every step; in L2 with `abortEarly`, the maximum. */
export function carliniWagnerCost({
  steps,
  searchSteps,
}: Pick<CarliniWagnerOptions, 'steps' | 'searchSteps'>): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: steps * searchSteps, backward: steps * searchSteps }
}
