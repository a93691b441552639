/** The attacks of Carlini and Wagner in L2 and Linf: the machinery of carlini-wagner. */
import {
  attackLosses,
  checkGradient,
  distance,
  rowOf,
  scheduleTask,
  stackPoints,
  trackNearestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { margin as marginLoss, sizeOf } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import type { Norm } from '../../../core/api/plugin.ts'
import { descend, readPoint, startBoxVariable } from './box-variable.ts'
import type { BoxVariable } from './box-variable.ts'
import { penaltyRules } from './penalty-search.ts'
import type { PenaltyRule, PenaltySearch } from './penalty-search.ts'

export interface CarliniWagnerOptions {
  /** Steps of Adam a run, 1 or more. */
  readonly steps: number
  /** Runs, each with another constant (L2) or threshold (Linf); 1 or more. */
  readonly searchSteps: number
  readonly learningRate: number
  /** c of the first run; in Linf relative to the margin's gradient. */
  readonly initialConstant: number
  /** κ: the margin that a point needs to count as fooling, 0 or more. */
  readonly confidence: number
  /** Whether a run may end before its last step. */
  readonly abortEarly: boolean
}

/** One example on its way. */
interface Attempt {
  readonly row: number
  readonly center: Float32Array
  readonly point: Float32Array
  /** Where runs begin. */
  readonly start: Float32Array
  readonly search: PenaltySearch
  variable: BoxVariable
  run: number
  step: number
  /** Of the nearest fooling point of all runs, and of this one, in units of the width of the bounds. */
  best: number
  length: number
  /** At the last look at whether the run is stuck. */
  lastObjective: number
}

/**
 * The least perturbation by penalties: minimizes P(δ) + c·max(z_y − max_{i≠y} z_i + κ, 0), with δ = x' − x in units of the width of the
 * bounds and x' within them as `BoxVariable` keeps it, in runs of Adam.
 *
 * L2: P = ‖δ‖₂². c grows tenfold until a run fools the model, and is then bisected. Each run begins at the input; it ends when, over a
 * tenth of its steps, the objective has not fallen by 10⁻⁴ of itself.
 *
 * Linf: P = Σ max(|δ_i| − τ, 0). Runs begin at the nearest fooling point so far, and end at one with ‖δ‖∞ ≤ τ. The paper lowers τ from 1
 * by tenths until no c up to 20 works. Here τ begins at ε, beyond which nothing counts, and is bisected: between the last that failed and
 * the least ‖δ‖∞ found. As both terms can be zero where a point exists at all, c decides only how well Adam converges: it is taken
 * relative to the mean |∂margin/∂x'_i|, which makes it the same for any scale of the logits, and is raised only until a run works; and
 * the learning rate is annealed by the cosine to a hundredth, without which Adam's swings would be as large as usual perturbations.
 *
 * Pixels on a bound, where tanh is flat, leave it only after some hundred steps. Differs from the reference code, besides: each example
 * has its own early end, not the batch; distances are from the input itself, not from its image under tanh.
 * @see Carlini and Wagner 2017, "Towards evaluating the robustness of neural networks", arXiv:1608.04644, sections V and VI
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite; ConfigError ROBENCH_CONFIG in L1.
 */
export async function carliniWagnerSearch(
  task: AttackTask,
  options: CarliniWagnerOptions,
): Promise<FloatTensor> {
  const { model, inputs, labels, threatModel } = task
  const { norm, epsilon, bounds } = threatModel
  const { steps, searchSteps, learningRate, initialConstant, confidence, abortEarly } = options
  const rule = ruleOf(norm)
  const width = bounds[1] - bounds[0]
  const exampleShape = inputs.shape.slice(1)
  const scratch = new Float64Array(sizeOf(exampleShape))
  const nearest = trackNearestAdversarial(task, confidence)
  const lookEvery = Math.max(Math.floor(steps / 10), 1)

  const open = (row: number): Attempt => {
    const center = rowOf(inputs, row)
    return {
      row,
      center,
      point: center.slice(),
      start: center.slice(),
      search: rule.begin(epsilon / width, initialConstant),
      variable: startBoxVariable(bounds, center),
      run: 0,
      step: 0,
      best: Infinity,
      length: Infinity,
      lastObjective: Infinity,
    }
  }

  /** Takes in what the model says at the point; true if a run may end there. */
  const judge = (attempt: Attempt, logits: Float32Array): boolean => {
    const { row, center, point, start, search } = attempt
    if (!nearest.offer(row, point, logits)) return false
    const length = distance(norm, center, point) / width
    attempt.length = Math.min(attempt.length, length)
    if (length < attempt.best) {
      attempt.best = length
      if (rule.goesOn) start.set(point)
    }
    return rule.reached(length, search)
  }

  /** One step of Adam; returns the objective before it. */
  const move = (attempt: Attempt, logits: Float32Array, gradient: Float32Array): number => {
    const { row, center, point, search, variable, step } = attempt
    const hinge = Math.max(confidence - attackLosses.margin.value(logits, labels[row]!), 0)
    const weight = rule.weight(search.constant, gradient, width)
    let objective = weight * hinge
    for (let i = 0; i < scratch.length; i++) {
      const delta = (point[i]! - center[i]!) / width
      objective += rule.cost(delta, search.threshold)
      const pull = hinge > 0 ? weight * gradient[i]! : 0
      scratch[i] = rule.slope(delta, search.threshold) / width - pull
    }
    descend(variable, scratch, learningRate * rule.anneal(step / steps))
    return objective
  }

  /** Every tenth of a run: whether the objective has stopped falling since the last look. */
  const isStuck = (attempt: Attempt, objective: number): boolean => {
    if (!rule.endsWhenStuck || attempt.step % lookEvery !== 0) return false
    const stuck = objective > (1 - 1e-4) * attempt.lastObjective
    attempt.lastObjective = objective
    return stuck
  }

  /** Judges and moves; true if there is nothing more to do. */
  const take = (attempt: Attempt, logits: Float32Array, gradient: Float32Array): boolean => {
    const reached = judge(attempt, logits)
    const objective = move(attempt, logits, gradient)
    const stuck = isStuck(attempt, objective)
    attempt.step += 1
    if (attempt.step < steps && !(abortEarly && (reached || stuck))) return false
    rule.next(attempt.search, attempt.length)
    attempt.run += 1
    attempt.step = 0
    attempt.length = Infinity
    attempt.lastObjective = Infinity
    attempt.variable = startBoxVariable(bounds, attempt.start)
    return attempt.run === searchSteps
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    for (const { variable, point } of active) readPoint(variable, scratch, point)
    const points = active.map(({ point }) => point)
    const own = Int32Array.from(active, ({ row }) => labels[row]!)
    const answer = await model.gradient(stackPoints(points, exampleShape), own, marginLoss)
    return active.map((attempt, place) => {
      const { row, step, run } = attempt
      const gradient = rowOf(answer.gradient, place)
      checkGradient(gradient, `row ${row} at step ${step} of run ${run}`, { row, step, run })
      return take(attempt, rowOf(answer.logits, place), gradient)
    })
  }

  await scheduleTask(task, {
    open,
    advance,
  })
  return nearest.adversarial
}

/** Passes for an example none of whose runs ends early; in L2 with `abortEarly` the most that it can take. */
export function carliniWagnerCost({
  steps,
  searchSteps,
}: Pick<CarliniWagnerOptions, 'steps' | 'searchSteps'>): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: steps * searchSteps, backward: steps * searchSteps }
}

function ruleOf(norm: Norm): PenaltyRule {
  if (norm !== 'L1') return penaltyRules[norm]
  throw new ConfigError(
    'ROBENCH_CONFIG',
    'carlini-wagner: expected the norm L2 or Linf, got L1; take fmn for a least perturbation in L1',
  )
}
