/** DeepFool: repeated steps onto the nearest linearized decision, followed by a bisection. */
import {
  checkGradient,
  classGradientCost,
  countTargets,
  dualNorm,
  kernels,
  nearestDecision,
  prepareClassGradients,
  rankTargets,
  rowOf,
  scheduleTask,
  stackPoints,
  trackNearestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackTask, LinearizedDecision } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import type { Norm, ThreatModel } from '../../../core/api/plugin.ts'

export interface DeepFoolOptions {
  /** 1 or more. */
  readonly steps: number
  /** Number of likeliest wrong classes to linearize, 1 or more; at most all of them. */
  readonly targets: number
  /** Relative extension of the perturbation beyond the linearized decision. */
  readonly overshoot: number
  /** Bisection steps between the input and the fooling point; 0 for none. */
  readonly halvings: number
}

/** Added to |z_s − z_y|, so that a step leads beyond the boundary. */
const push = 1e-4

/** One example. */
interface DeepFoolAttempt {
  readonly row: number
  readonly center: Float32Array
  readonly point: Float32Array
  /** Σ r, in float64 and not clipped. */
  readonly total: Float64Array
  step: number
  bisection: Bisection | undefined
}

/** The bisection of the segment from the input to a fooling point; lengths are shares of it. */
interface Bisection {
  readonly end: Float32Array
  /** The smallest share known to fool the model, and the largest known not to. */
  fools: number
  fails: number
  halvings: number
}

/** The state that all attempts share. */
interface DeepFoolRun {
  readonly threatModel: ThreatModel
  readonly options: DeepFoolOptions
  /** As long as a point. */
  readonly scratch: Float64Array
}

/**
 * Repeats until the model is fooled: of the decisions z_s − z_y = f, linearized at x' with gradient
 * w, choose the nearest by |f| / ‖w‖ in the dual norm; add r = (|f| + 10⁻⁴)·w/‖w‖₂² (L2) or (|f| +
 * 10⁻⁴)·sign(w)/‖w‖₁ (Linf) to the sum of steps; x' = clip(x + (1 + overshoot)·Σr). A bisection
 * then finds where the segment from x to x' crosses the boundary.
 *
 * Differs from the paper: x' is clipped to the bounds, which the steps ignore; the bisection,
 * without which perturbations are too long by the overshoot. The search ends where all gradients
 * are zero.
 * @see Moosavi-Dezfooli et al. 2015, algorithm 2
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export async function deepFoolSearch(
  task: AttackTask,
  options: DeepFoolOptions,
): Promise<FloatTensor> {
  const { model, inputs, labels, threatModel } = task
  const count = countTargets(options.targets, model.classes)
  const ranked = await rankRivals(task, count)
  const gradientsAt = await prepareClassGradients(model, count)
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const run: DeepFoolRun = { threatModel, options, scratch: new Float64Array(size) }
  const nearest = trackNearestAdversarial(task)

  const open = (row: number): DeepFoolAttempt => {
    const center = rowOf(inputs, row)
    const total = new Float64Array(size)
    return { row, center, point: center.slice(), total, step: 0, bisection: undefined }
  }

  const stack = (attempts: readonly DeepFoolAttempt[]): FloatTensor =>
    stackPoints(
      attempts.map(({ point }) => point),
      exampleShape,
    )

  /** Judges attempts, and moves those that do not fool the model. Returns the finished ones. */
  const stepAll = async (
    attempts: readonly DeepFoolAttempt[],
  ): Promise<readonly DeepFoolAttempt[]> => {
    if (attempts.length === 0) return []
    const own = Int32Array.from(attempts, ({ row }) => labels[row]!)
    const rivals = Array.from({ length: count }, (_, rank) =>
      Int32Array.from(attempts, ({ row }) => ranked[row]![rank]!),
    )
    const result = await gradientsAt(stack(attempts), own, rivals)
    return attempts.filter((attempt, place) => {
      const { row, step, point } = attempt
      const logits = rowOf(result.logits, place)
      if (nearest.record(row, point, logits)) return bisect(run, attempt, true)
      const decisions = result.gradients.map((gradients, rank) => {
        const gradient = rowOf(gradients, place)
        checkGradient(gradient, `row ${row} at step ${step}`, { row, step })
        return { value: logits[rivals[rank]![place]!]! - logits[own[place]!]!, gradient }
      })
      return !move(run, attempt, decisions)
    })
  }

  /** Judges attempts that take no further step. Returns the finished ones. */
  const judgeAll = async (
    attempts: readonly DeepFoolAttempt[],
  ): Promise<readonly DeepFoolAttempt[]> => {
    if (attempts.length === 0) return []
    const logits = await model.logits(stack(attempts))
    return attempts.filter((attempt, place) => {
      const fools = nearest.record(attempt.row, attempt.point, rowOf(logits, place))
      return bisect(run, attempt, fools)
    })
  }

  const advance = async (active: readonly DeepFoolAttempt[]): Promise<boolean[]> => {
    const moving = active.filter(({ step, bisection }) => !bisection && step < options.steps)
    const others = active.filter((attempt) => !moving.includes(attempt))
    const finished = new Set([...(await stepAll(moving)), ...(await judgeAll(others))])
    return active.map((attempt) => finished.has(attempt))
  }

  await scheduleTask(task, { open, advance })
  return nearest.adversarial
}

/** Moves to the nearest linearized decision. Returns false if all gradients are zero. */
function move(
  { threatModel, options, scratch }: DeepFoolRun,
  attempt: DeepFoolAttempt,
  decisions: readonly LinearizedDecision[],
): boolean {
  const { norm, bounds } = threatModel
  const { center, point, total } = attempt
  const chosen = nearestDecision(norm, decisions)
  if (dualNorm[norm](chosen.gradient) === 0) return false
  addStep(norm, chosen, total)
  kernels.addScaled(center, 1 + options.overshoot, total, scratch)
  kernels.clipToBounds(scratch, bounds, point)
  attempt.step += 1
  return true
}

/** After a judgment: bisects once the model has been fooled. Returns true if finished. */
function bisect(
  { threatModel, options, scratch }: DeepFoolRun,
  attempt: DeepFoolAttempt,
  fools: boolean,
): boolean {
  const { center, point, step } = attempt
  if (attempt.bisection) {
    narrow(attempt.bisection, fools)
  } else {
    if (!fools) return step === options.steps
    attempt.bisection = { end: point.slice(), fools: 1, fails: 0, halvings: 0 }
  }
  const { bisection } = attempt
  if (bisection.halvings === options.halvings) return true
  kernels.interpolate(center, bisection.end, middleOf(bisection), scratch)
  kernels.clipToBounds(scratch, threatModel.bounds, point)
  return false
}

function middleOf({ fools, fails }: Bisection): number {
  return (fools + fails) / 2
}

/** Moves the end of the bracket that the last judgment concerns to the middle. */
function narrow(bisection: Bisection, fools: boolean): void {
  const middle = middleOf(bisection)
  if (fools) bisection.fools = middle
  else bisection.fails = middle
  bisection.halvings += 1
}

/**
 * Maximum passes per example; most need fewer steps. On a model that cannot compile, each gradient
 * takes a forward pass.
 */
export function deepFoolCost(
  { steps, targets, halvings }: DeepFoolOptions,
  classes: number,
): { readonly forward: number; readonly backward: number } {
  const count = countTargets(targets, classes)
  const { forward, backward } = classGradientCost(count)
  const ranking = count < classes - 1 ? 1 : 0
  return { forward: ranking + steps * forward + 1 + halvings, backward: steps * backward }
}

/** The likeliest wrong classes of each row, or all of them, which takes no pass. */
async function rankRivals(task: AttackTask, count: number): Promise<readonly Int32Array[]> {
  const { classes } = task.model
  if (count < classes - 1) return rankTargets(task, count)
  return Array.from(task.labels, (label) =>
    Int32Array.from({ length: count }, (_, turn) => (label + 1 + turn) % classes),
  )
}

/** Σr ← Σr + r */
function addStep(norm: Norm, { value, gradient }: LinearizedDecision, total: Float64Array): void {
  const length = dualNorm[norm](gradient)
  const needed = Math.abs(value) + push
  for (let i = 0; i < total.length; i++) {
    const w = gradient[i]!
    total[i]! += norm === 'Linf' ? (needed / length) * Math.sign(w) : (needed / length ** 2) * w
  }
}
