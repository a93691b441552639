/** FAB, which searches for the nearest misclassified point: fab and fab-t. */
import {
  attackLosses,
  checkGradient,
  classGradientCost,
  countTargets,
  kernels,
  nearestDecision,
  predictedClass,
  prepareClassGradients,
  prepareStack,
  rankTargets,
  rowOf,
  scheduleTask,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type {
  AttackFindings,
  AttackTask,
  BestAdversarial,
  LinearizedDecision,
  RankedTargets,
} from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import { drawAtDistance, liesInBall, maximumInBall, prepareSteps } from './linearization.ts'

export interface FastAdaptiveBoundaryOptions {
  /** 1 or more. */
  readonly steps: number
  /**
   * Maximum number of starts until the model is fooled, 1 or more; per target if targeted. The
   * first start is the input.
   */
  readonly restarts: number
  /**
   * Number of likeliest wrong classes to target, one after the other, at most all of them; 0 steps
   * toward the nearest decision of all classes each time.
   */
  readonly targets: number
}

/** β: the fraction of its distance that a misclassified point keeps in the backward step. */
const backwardShare = 0.9

interface FabAttempt {
  readonly row: number
  readonly origin: Float32Array
  readonly point: Float32Array
  /** Index over restarts and targets. */
  run: number
  step: number
  /** Undefined for the nearest decision. */
  target: number | undefined
  /** Whether a misclassified point of the ball has been found. */
  fooled: boolean
  /** Linearized at the point: toward the target, or toward each wrong class in turn. */
  decisions: readonly LinearizedDecision[]
}

/** The state that all attempts share. */
interface FabRun {
  readonly task: AttackTask
  readonly options: FastAdaptiveBoundaryOptions
  readonly best: BestAdversarial
  stack(points: readonly Float32Array[]): ReturnType<ReturnType<typeof prepareStack>>
}

/**
 * Attacks every example until a misclassified point lies within the ball; how much nearer one could
 * come does not matter at a given ε. Points outside the ball are never returned.
 *
 * Differs from the reference: it stops at the first misclassified point inside the ball instead of
 * continuing to the nearest; points after a backward step, and random starts, are judged too, since
 * the pass that linearizes there also gives their class; gradient components are used as they are,
 * however small; the untargeted form excludes the label's own class. The paper's final search on
 * the line to the nearest point cannot leave the ball in which it starts. In its place, each run
 * evaluates the point of the ball where its last linearization is largest: steps end at least 0.3 %
 * beyond a boundary, so that otherwise even a linear model hides a boundary just inside the ball.
 *
 * A round takes up to three passes in sequence, each on the examples that the last one left:
 * linearize, evaluate the maximum in the ball, evaluate the step. The driver of iterative attacks
 * evaluates once per round, so this attack uses the batch scheduler directly.
 * @param ranked the targets of each row if known; otherwise ranking takes a forward pass per
 * example
 * @see Croce and Hein 2019, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export async function fastAdaptiveBoundary(
  task: AttackTask,
  options: FastAdaptiveBoundaryOptions,
  ranked?: RankedTargets,
): Promise<AttackFindings> {
  const { model, inputs, threatModel, rng } = task
  const { steps, restarts, targets } = options
  const ranking = targets > 0 ? (ranked ?? (await rankTargets(task, targets))) : undefined
  const linearize = await prepareLinearization(task, countRivals(options, model.classes))
  const runs = countRuns(options, model.classes)
  const exampleShape = inputs.shape.slice(1)
  const scratch = new Float64Array(sizeOf(exampleShape))
  const best = trackBestAdversarial(task)
  const run: FabRun = { task, options, best, stack: prepareStack(exampleShape) }
  const stepToward = prepareSteps(threatModel, scratch.length)

  const start = (attempt: FabAttempt): void => {
    const { row, origin, point, run } = attempt
    attempt.step = 0
    attempt.target = ranking?.[row]?.[Math.floor(run / restarts)]
    point.set(origin)
    if (run % restarts === 0) return
    // The reference uses half of the shortest distance found, if below ε; here the search has then
    // ended.
    const { norm, epsilon, bounds } = threatModel
    drawAtDistance(norm, origin, epsilon / 2, rng.stream(row, run), scratch)
    kernels.clipToBounds(scratch, bounds, point)
  }

  const open = (row: number): FabAttempt => {
    const origin = rowOf(inputs, row)
    const attempt: FabAttempt = {
      row,
      origin,
      point: new Float32Array(origin.length),
      run: 0,
      step: 0,
      target: undefined,
      fooled: false,
      decisions: [],
    }
    start(attempt)
    return attempt
  }

  /** After a step. Returns true if no step or start is left. */
  const isOver = (attempt: FabAttempt): boolean => {
    attempt.step += 1
    if (attempt.step < steps) return false
    attempt.run += 1
    if (attempt.run >= runs) return true
    start(attempt)
    return false
  }

  const advance = async (active: readonly FabAttempt[]): Promise<boolean[]> => {
    await linearize(run, active)
    await evaluateMaxima(run, active)
    await stepAll(run, active, stepToward)
    return active.map((attempt) => attempt.fooled || isOver(attempt))
  }

  await scheduleTask(task, { open, advance })
  return best.findings
}

/** Records a point if it lies within the ball and is better than the best one. */
function record(
  { task, best }: FabRun,
  attempt: FabAttempt,
  point: Float32Array,
  logits: Float32Array,
): void {
  const { row, origin } = attempt
  // The margin alone shows that a point is worse; its distance takes longer.
  const margin = attackLosses.margin.value(logits, task.labels[row]!)
  if (margin < best.findings.margins[row]!) return
  if (!liesInBall(task.threatModel, { origin, point })) return
  attempt.fooled = best.record(row, point, logits)
}

/** Prepares a pass that judges the points of attempts, and linearizes decisions there. */
async function prepareLinearization({ model, labels }: AttackTask, rivalCount: number) {
  const gradientsAt = await prepareClassGradients(model, rivalCount)
  return async (run: FabRun, active: readonly FabAttempt[]): Promise<void> => {
    const own = Int32Array.from(active, ({ row }) => labels[row]!)
    const rivals = Array.from({ length: rivalCount }, (_, turn) =>
      Int32Array.from(
        active,
        ({ target }, place) => target ?? (own[place]! + 1 + turn) % model.classes,
      ),
    )
    const points = run.stack(active.map(({ point }) => point))
    const result = await gradientsAt(points, own, rivals)
    active.forEach((attempt, place) => {
      const { row, step, run: runIndex, point } = attempt
      const logits = rowOf(result.logits, place)
      record(run, attempt, point, logits)
      if (attempt.fooled) return
      attempt.decisions = result.gradients.map((gradients, turn) => {
        const gradient = rowOf(gradients, place)
        const where = `row ${row} at step ${step} of run ${runIndex}`
        checkGradient(gradient, where, { row, step, run: runIndex })
        return { value: logits[rivals[turn]![place]!]! - logits[own[place]!]!, gradient }
      })
    })
  }
}

/**
 * At the end of a run, evaluates the point of the ball where the last linearization is largest. The
 * point counts only if it is misclassified; otherwise the result stays one of the search itself.
 */
async function evaluateMaxima(run: FabRun, active: readonly FabAttempt[]): Promise<void> {
  const { task, options, stack } = run
  const last = active.filter(({ fooled, step }) => !fooled && step === options.steps - 1)
  if (last.length === 0) return
  const points = last.map((attempt) => maximumInBall(task.threatModel, attempt, attempt.decisions))
  const logits = await task.model.logits(stack(points))
  last.forEach((attempt, place) => {
    const own = rowOf(logits, place)
    if (predictedClass(own) !== task.labels[attempt.row]) record(run, attempt, points[place]!, own)
  })
}

/** Steps toward the nearest decision, with a backward step from points that are misclassified. */
async function stepAll(
  run: FabRun,
  active: readonly FabAttempt[],
  stepToward: ReturnType<typeof prepareSteps>,
): Promise<void> {
  const { task, stack } = run
  const moving = active.filter(({ fooled }) => !fooled)
  if (moving.length === 0) return
  for (const attempt of moving) {
    stepToward(attempt, nearestDecision(task.threatModel.norm, attempt.decisions))
  }
  const logits = await task.model.logits(stack(moving.map(({ point }) => point)))
  moving.forEach((attempt, place) => {
    const { row, origin, point } = attempt
    const own = rowOf(logits, place)
    record(run, attempt, point, own)
    if (attempt.fooled || predictedClass(own) === task.labels[row]) return
    kernels.interpolate(origin, point, backwardShare, point)
  })
}

/**
 * Passes for an example that is never fooled, without the pass that ranks its targets. A step takes
 * one forward pass to linearize (untargeted: one for each nine decisions) and one to evaluate its
 * result, and each run takes another one at its end. On a model that cannot compile, each gradient
 * of the untargeted form takes a forward pass.
 */
export function fastAdaptiveBoundaryCost(
  options: FastAdaptiveBoundaryOptions,
  classes: number,
): { readonly forward: number; readonly backward: number } {
  const runs = countRuns(options, classes)
  const steps = runs * options.steps
  const { forward, backward } = classGradientCost(countRivals(options, classes))
  return { forward: steps * (forward + 1) + runs, backward: steps * backward }
}

/** Number of decisions that a step linearizes. */
function countRivals({ targets }: FastAdaptiveBoundaryOptions, classes: number): number {
  return targets > 0 ? 1 : classes - 1
}

function countRuns(options: FastAdaptiveBoundaryOptions, classes: number): number {
  const { restarts, targets } = options
  return restarts * (targets > 0 ? countTargets(targets, classes) : 1)
}
