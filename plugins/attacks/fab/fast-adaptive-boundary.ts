/** FAB, which looks for the nearest misclassified point: the machinery of fab and fab-t. */
import {
  attackLosses,
  checkGradient,
  classGradientCost,
  countTargets,
  predictedClass,
  prepareClassGradients,
  prepareStack,
  rankTargets,
  rowOf,
  scheduleTask,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask, RankedTargets } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import {
  clip,
  drawAround,
  drawBack,
  greatestInBall,
  liesInBall,
  nearestDecision,
  prepareSteps,
} from './linearization.ts'
import type { LinearizedDecision } from './linearization.ts'

export interface FastAdaptiveBoundaryOptions {
  /** 1 or more. */
  readonly steps: number
  /** How often to start anew while not fooled, 1 or more; with targets, for each of them. The first start is the input. */
  readonly restarts: number
  /** How many of the likeliest wrong classes to go for, one after the other; 0 goes for the nearest decision of all classes each time. */
  readonly targets: number
}

/** What is left of a misclassified point's distance (β). */
const retreat = 0.9

interface Attempt {
  readonly row: number
  readonly origin: Float32Array
  readonly point: Float32Array
  /** Counts restarts and targets through. */
  run: number
  step: number
  /** Undefined goes for the nearest decision. */
  target: number | undefined
  /** A misclassified point of the ball has been seen. */
  fooled: boolean
  /** Linearized at the point: the one towards the target, or those towards each wrong class in turn. */
  decisions: readonly LinearizedDecision[]
}

/**
 * Attacks every example until a misclassified point lies within the ball; how near one could come beyond that does
 * not matter at a given ε. Points outside the ball are never an answer.
 *
 * Differs from the reference: it stops at the first misclassified point inside the ball instead of going on to the nearest; points
 * that were drawn back, and random starts, are judged, too, as the pass that linearizes there tells their class at no cost;
 * components of the gradient are taken as they are, however small; the untargeted form leaves out the label's own class. In place
 * of the paper's final search on the way to the nearest point, which could not leave the ball it starts in, each run tries the point of the
 * ball at which its last linearization is greatest: steps end 0.3 % beyond a boundary and more, so that without it even a linear
 * model hides a boundary just inside the ball.
 * @param ranked the targets of each row, if they are known; else they cost a forward pass an example.
 * @see Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack", arXiv:1907.02044, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite.
 */
export async function fastAdaptiveBoundary(
  task: AttackTask,
  options: FastAdaptiveBoundaryOptions,
  ranked?: RankedTargets,
): Promise<AttackFindings> {
  const { model, inputs, labels, threatModel, rng } = task
  const { norm, epsilon, bounds } = threatModel
  const { steps, restarts, targets } = options
  const ranking = targets > 0 ? (ranked ?? (await rankTargets(task, targets))) : undefined
  const rivalCount = countRivals(options, model.classes)
  const gradientsAt = await prepareClassGradients(model, rivalCount)
  const runs = countRuns(options, model.classes)
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const strongest = trackBestAdversarial(task)
  const scratch = new Float64Array(size)
  const stepTowards = prepareSteps(threatModel, size)

  const open = (row: number): Attempt => {
    const attempt: Attempt = {
      row,
      origin: inputs.data.subarray(row * size, (row + 1) * size),
      point: new Float32Array(size),
      run: 0,
      step: 0,
      target: undefined,
      fooled: false,
      decisions: [],
    }
    begin(attempt)
    return attempt
  }

  const begin = (attempt: Attempt): void => {
    const { row, origin, point, run } = attempt
    attempt.step = 0
    attempt.target = ranking?.[row]?.[Math.floor(run / restarts)]
    point.set(origin)
    if (run % restarts === 0) return
    // The reference takes half of the least distance found, if that is below ε; here the search is over then.
    drawAround(norm, origin, epsilon / 2, rng.stream(row, run), scratch)
    clip(scratch, bounds, point)
  }

  const stack = prepareStack(exampleShape)

  /** Shows a point, if it is stronger than those seen and within the ball. */
  const offer = (attempt: Attempt, point: Float32Array, logits: Float32Array): void => {
    const { row, origin } = attempt
    // That a point is weaker is known without its distance.
    if (attackLosses.margin.value(logits, labels[row]!) < strongest.findings.margins[row]!) return
    if (!liesInBall(threatModel, { origin, point })) return
    attempt.fooled = strongest.offer(row, point, logits)
  }

  /** Judges where the examples stand, and linearizes there. */
  const linearize = async (active: readonly Attempt[]): Promise<void> => {
    const own = Int32Array.from(active, ({ row }) => labels[row]!)
    const rivals = Array.from({ length: rivalCount }, (_, turn) =>
      Int32Array.from(
        active,
        ({ target }, place) => target ?? (own[place]! + 1 + turn) % model.classes,
      ),
    )
    const answer = await gradientsAt(stack(active.map(({ point }) => point)), own, rivals)
    active.forEach((attempt, place) => {
      const { row, step, run, point } = attempt
      const logits = rowOf(answer.logits, place)
      offer(attempt, point, logits)
      if (attempt.fooled) return
      attempt.decisions = answer.gradients.map((gradients, turn) => {
        const gradient = rowOf(gradients, place)
        checkGradient(gradient, `row ${row} at step ${step} of run ${run}`, { row, step, run })
        return { value: logits[rivals[turn]![place]!]! - logits[own[place]!]!, gradient }
      })
    })
  }

  /**
   * At the end of a run, tries where in the ball its last linearization is greatest. The point counts only if it is
   * misclassified: else the answer stays one that the search itself came upon.
   */
  const finish = async (active: readonly Attempt[]): Promise<void> => {
    const last = active.filter(({ fooled, step }) => !fooled && step === steps - 1)
    if (last.length === 0) return
    const points = last.map((attempt) => greatestInBall(threatModel, attempt, attempt.decisions))
    const logits = await model.logits(stack(points))
    last.forEach((attempt, place) => {
      const judged = rowOf(logits, place)
      if (predictedClass(judged) !== labels[attempt.row]) offer(attempt, points[place]!, judged)
    })
  }

  /** Steps towards the nearest decision; points that are misclassified, but outside the ball, are drawn back. */
  const move = async (active: readonly Attempt[]): Promise<void> => {
    const moving = active.filter(({ fooled }) => !fooled)
    if (moving.length === 0) return
    for (const attempt of moving) stepTowards(attempt, nearestDecision(norm, attempt.decisions))
    const answer = await model.logits(stack(moving.map(({ point }) => point)))
    moving.forEach((attempt, place) => {
      const { row, point } = attempt
      const logits = rowOf(answer, place)
      offer(attempt, point, logits)
      if (attempt.fooled || predictedClass(logits) === labels[row]) return
      drawBack(attempt, retreat)
    })
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    await linearize(active)
    await finish(active)
    await move(active)
    return active.map((attempt) => attempt.fooled || close(attempt))
  }

  /** After a step: true if there is nothing more to do. */
  const close = (attempt: Attempt): boolean => {
    attempt.step += 1
    if (attempt.step < steps) return false
    attempt.run += 1
    if (attempt.run >= runs) return true
    begin(attempt)
    return false
  }

  await scheduleTask(task, {
    open,
    advance,
  })
  return strongest.findings
}

/**
 * Passes for an example that is never fooled; without the pass that ranks its targets. A step takes one forward pass to linearize (untargeted: one
 * for each nine decisions) and one to judge where it led, a run another one at its end. On a model that cannot compile, each of the untargeted
 * form's gradients takes a forward pass.
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

/** How many decisions a step linearizes. */
function countRivals({ targets }: FastAdaptiveBoundaryOptions, classes: number): number {
  return targets > 0 ? 1 : classes - 1
}

function countRuns(options: FastAdaptiveBoundaryOptions, classes: number): number {
  const { restarts, targets } = options
  return restarts * (targets > 0 ? countTargets(targets, classes) : 1)
}
