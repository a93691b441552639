/** FAB, which looks for the nearest misclassified point: the machinery of fab and fab-t. */
import { sizeOf } from '../tensor/tensor.ts'
import type { FloatTensor } from '../tensor/tensor.ts'
import { predictedClass } from '../model/predictions.ts'
import { distance } from '../threat/verify.ts'
import { checkGradient, rowOf, stackPoints } from './batch.ts'
import { clip, drawAround, moveTowardsDecision, nearestDecision } from './boundary-step.ts'
import type { Decision } from './boundary-step.ts'
import { classGradientCost, prepareClassGradients } from './class-gradients.ts'
import { countTargets, rankTargets } from './ranked-targets.ts'
import type { RankedTargets } from './ranked-targets.ts'
import { refillTask } from './refill.ts'
import { keepStrongest } from './strongest.ts'
import type { AttackFindings } from './strongest.ts'
import type { AttackTask } from './task.ts'

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
}

/**
 * Attacks every example until a misclassified point lies within the ball; how near one could come beyond that does
 * not matter at a given ε. Points outside the ball are never an answer.
 *
 * Differs from the reference: it stops at the first misclassified point inside the ball instead of going on to the nearest; points
 * that were drawn back, and random starts, are judged, too, as the pass that linearizes there tells their class at no cost;
 * components of the gradient are taken as they are, however small; the untargeted form leaves out the label's own class.
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
  const strongest = keepStrongest(task)
  const scratch = { fromPoint: new Float64Array(size), fromOrigin: new Float64Array(size) }

  const open = (row: number): Attempt => {
    const attempt: Attempt = {
      row,
      origin: inputs.data.subarray(row * size, (row + 1) * size),
      point: new Float32Array(size),
      run: 0,
      step: 0,
      target: undefined,
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
    drawAround(norm, origin, epsilon / 2, rng.stream(row, run), scratch.fromPoint)
    clip(scratch.fromPoint, bounds, point)
  }

  const stack = (active: readonly Attempt[]): FloatTensor =>
    stackPoints(
      active.map(({ point }) => point),
      exampleShape,
    )

  /** Shows where an example stands, if that is within the ball; true if it is misclassified there. */
  const offer = ({ row, origin, point }: Attempt, logits: Float32Array): boolean =>
    distance(norm, origin, point) <= epsilon && strongest.offer(row, point, logits)

  /** The decisions to choose from: those towards the target, or towards each wrong class in turn; none for who is fooled already. */
  const linearize = async (active: readonly Attempt[]): Promise<Decision[][]> => {
    const points = stack(active)
    const own = Int32Array.from(active, ({ row }) => labels[row]!)
    const found: Decision[][] = active.map(() => [])
    const rivals = Array.from({ length: rivalCount }, (_, turn) =>
      Int32Array.from(
        active,
        ({ target }, place) => target ?? (own[place]! + 1 + turn) % model.classes,
      ),
    )
    const answer = await gradientsAt(points, own, rivals)
    active.forEach((attempt, place) => {
      const { row, step, run } = attempt
      const logits = rowOf(answer.logits, place)
      if (offer(attempt, logits)) return
      answer.gradients.forEach((gradients, turn) => {
        const gradient = rowOf(gradients, place)
        checkGradient(gradient, `row ${row} at step ${step} of run ${run}`, { row, step, run })
        const value = logits[rivals[turn]![place]!]! - logits[own[place]!]!
        found[place]!.push({ value, gradient })
      })
    })
    return found
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    const decisions = await linearize(active)
    const moving = active.filter((_, place) => decisions[place]!.length > 0)
    const finished = new Map(active.map((attempt) => [attempt, !moving.includes(attempt)]))
    active.forEach((attempt, place) => {
      if (finished.get(attempt)) return
      moveTowardsDecision(threatModel, attempt, nearestDecision(norm, decisions[place]!), scratch)
    })
    if (moving.length === 0) return active.map(() => true)
    const logits = await model.logits(stack(moving))
    moving.forEach((attempt, place) => {
      finished.set(attempt, judge(attempt, rowOf(logits, place)) || close(attempt))
    })
    return active.map((attempt) => finished.get(attempt) === true)
  }

  /** Draws a misclassified point back; true if it lies within the ball. */
  const judge = (attempt: Attempt, logits: Float32Array): boolean => {
    const { row, origin, point } = attempt
    if (offer(attempt, logits)) return true
    if (predictedClass(logits) === labels[row]) return false
    for (let i = 0; i < size; i++) {
      scratch.fromPoint[i] = origin[i]! + retreat * (point[i]! - origin[i]!)
    }
    clip(scratch.fromPoint, bounds, point)
    return false
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

  await refillTask(task, {
    open,
    advance,
  })
  return strongest.findings
}

/**
 * Passes for an example that is never fooled; without the pass that ranks its targets. On a model that cannot compile, each of the untargeted
 * form's gradients takes a forward pass.
 */
export function fastAdaptiveBoundaryCost(
  options: FastAdaptiveBoundaryOptions,
  classes: number,
): { readonly forward: number; readonly backward: number } {
  const steps = countRuns(options, classes) * options.steps
  const { forward, backward } = classGradientCost(countRivals(options, classes))
  return { forward: steps * (forward + 1), backward: steps * backward }
}

/** How many decisions a step linearizes. */
function countRivals({ targets }: FastAdaptiveBoundaryOptions, classes: number): number {
  return targets > 0 ? 1 : classes - 1
}

function countRuns(options: FastAdaptiveBoundaryOptions, classes: number): number {
  const { restarts, targets } = options
  return restarts * (targets > 0 ? countTargets(targets, classes) : 1)
}
