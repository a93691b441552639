/** Projected gradient ascent on a loss: the machinery of fgsm, bim, pgd and mim. */
import { predictedClass } from '../model/predictions.ts'
import { sizeOf, tensor } from '../tensor/tensor.ts'
import type { FloatTensor } from '../tensor/tensor.ts'
import { createBall } from '../threat/ball.ts'
import type { Ball } from '../threat/ball.ts'
import { attackLosses } from './attack-loss.ts'
import type { AttackLossName } from './attack-loss.ts'
import { checkGradient, rowOf, stackPoints } from './batch.ts'
import { drawStart } from './random-start.ts'
import { refill } from './refill.ts'
import { steepestStep } from './steepest-step.ts'
import { chooseTargets, runnerUps } from './targets.ts'
import type { AttackGoal, Target, TargetOf } from './targets.ts'
import type { AttackTask } from './task.ts'

export interface ProjectedGradientOptions {
  /** 1 or more. */
  readonly steps: number
  /** Length of a step in the attack's norm, in the units of the inputs. */
  readonly stepSize: number
  /** Start at a uniform draw from the ball instead of at the input. */
  readonly randomStart: boolean
  /** How often to start anew while not fooled, 1 or more; 1 is made of it where every start would be the same. */
  readonly restarts: number
  /** The loss to raise (untargeted), or to lower towards a target. */
  readonly loss: AttackLossName
  readonly goal: AttackGoal
  /** Read with goal `targeted` only. */
  readonly target: Target
  /** Decay of the accumulated gradient; 0 for none. */
  readonly momentum?: number
}

/** One example on its way: replaced by nothing but its own gradients, so that batches cannot matter. */
interface Attempt {
  readonly row: number
  readonly ball: Ball
  readonly point: Float32Array
  readonly velocity: Float64Array
  /** The strongest iterate of all restarts so far, and its score. */
  readonly best: Float32Array
  bestScore: number
  restart: number
  step: number
  /** The class whose loss is raised or lowered. */
  label: number
}

/**
 * Attacks every example and returns, for each, its first iterate that reaches the goal, or else the
 * iterate with the highest loss (lowest towards the target) over all steps and restarts. Never the last one for
 * being last. Every iterate is judged, the start and the final one too.
 *
 * A targeted attack goes on until its target is hit, whatever other class an iterate is taken for; the host still counts
 * any misclassified answer as broken. An example whose own class is the target is left as it is. A multi-targeted
 * one stops at any misclassification.
 *
 * Cost for an example that is never fooled: see `projectedGradientCost`.
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite.
 */
export async function projectedGradient(
  task: AttackTask,
  options: ProjectedGradientOptions,
): Promise<FloatTensor> {
  const { model, inputs, labels, threatModel, rng, batchSize, signal } = task
  const loss = attackLosses[options.loss]
  const restarts = effectiveRestarts(options)
  const targetOf = await targetsOf(task, options)
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const answer = inputs.data.slice()
  const candidate = new Float64Array(size)

  const begin = (attempt: Attempt): void => {
    const { ball, point, row, restart } = attempt
    attempt.step = 0
    attempt.label = targetOf(row, restart) ?? attempt.label
    attempt.velocity.fill(0)
    if (options.randomStart) {
      drawStart(ball, rng.stream(row, restart), candidate)
      ball.project(candidate, point)
    } else {
      point.set(ball.center)
    }
  }

  const open = (row: number): Attempt | undefined => {
    const label = targetOf(row, 0)
    if (label === undefined) return undefined
    const center = inputs.data.subarray(row * size, (row + 1) * size)
    const attempt: Attempt = {
      row,
      ball: createBall(threatModel, center),
      point: new Float32Array(size),
      velocity: new Float64Array(options.momentum ? size : 0),
      best: answer.subarray(row * size, (row + 1) * size),
      bestScore: -Infinity,
      restart: 0,
      step: 0,
      label,
    }
    begin(attempt)
    return attempt
  }

  /** Whether the loss is about a target, to be lowered, and not about the true class. */
  const aimed = ({ row, label }: Attempt): boolean => label !== labels[row]

  /** Keeps the current iterate if it is the strongest yet; true if it reaches the goal, which beats any score. */
  const judge = (attempt: Attempt, logits: Float32Array): boolean => {
    const predicted = predictedClass(logits)
    const reached =
      options.goal === 'targeted' ? predicted === attempt.label : predicted !== labels[attempt.row]
    const value = loss.value(logits, attempt.label)
    const score = aimed(attempt) ? -value : value
    if (reached || score > attempt.bestScore) {
      attempt.best.set(attempt.point)
      attempt.bestScore = score
    }
    return reached
  }

  const move = (attempt: Attempt, gradient: Float32Array): void => {
    const { ball, point, velocity, row, step, restart } = attempt
    checkGradient(gradient, `row ${row} at step ${step} of restart ${restart}`, {
      row,
      step,
      restart,
    })
    steepestStep(threatModel.norm, {
      point,
      gradient,
      velocity,
      momentum: options.momentum ?? 0,
      length: aimed(attempt) ? -options.stepSize : options.stepSize,
      output: candidate,
    })
    ball.project(candidate, point)
    attempt.step += 1
  }

  /** After the last step of a restart: true if there is no other restart. */
  const close = (attempt: Attempt): boolean => {
    attempt.restart += 1
    if (attempt.restart >= restarts) return true
    begin(attempt)
    return false
  }

  const pointsOf = (attempts: readonly Attempt[]): FloatTensor =>
    stackPoints(
      attempts.map(({ point }) => point),
      exampleShape,
    )

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    const finished = new Map<Attempt, boolean>()
    const moving = active.filter(({ step }) => step < options.steps)
    if (moving.length > 0) {
      const stepLabels = Int32Array.from(moving, ({ label }) => label)
      const { logits, gradient } = await model.gradient(
        pointsOf(moving),
        stepLabels,
        loss.expression,
      )
      moving.forEach((attempt, place) => {
        const reached = judge(attempt, rowOf(logits, place))
        if (!reached) move(attempt, rowOf(gradient, place))
        finished.set(attempt, reached)
      })
    }
    const closing = active.filter((attempt) => !finished.has(attempt))
    if (closing.length > 0) {
      const logits = await model.logits(pointsOf(closing))
      closing.forEach((attempt, place) => {
        finished.set(attempt, judge(attempt, rowOf(logits, place)) || close(attempt))
      })
    }
    return active.map((attempt) => finished.get(attempt) === true)
  }

  await refill({
    count: labels.length,
    batchSize,
    signal,
    progress: (done) => task.progress(done),
    open,
    advance,
  })
  return tensor('float32', inputs.shape, answer)
}

/** The class that each restart's loss is about: the true one, or a target. */
async function targetsOf(
  task: AttackTask,
  { goal, target }: ProjectedGradientOptions,
): Promise<TargetOf> {
  if (goal === 'targeted') return chooseTargets(task, target)
  if (goal === 'multi-targeted') return runnerUps(task)
  return (row) => task.labels[row]
}

/** Passes for an example that is never fooled: each restart takes a forward and a backward pass a step, and one forward pass to judge the final iterate. */
export function projectedGradientCost(
  options: Omit<ProjectedGradientOptions, 'stepSize' | 'loss' | 'momentum'>,
): { readonly forward: number; readonly backward: number } {
  const restarts = effectiveRestarts(options)
  const ranks = options.goal === 'targeted' && options.target === 'least-likely'
  const ranking = ranks || options.goal === 'multi-targeted' ? 1 : 0
  return {
    forward: restarts * (options.steps + 1) + ranking,
    backward: restarts * options.steps,
  }
}

function effectiveRestarts(
  options: Pick<ProjectedGradientOptions, 'randomStart' | 'restarts' | 'goal' | 'target'>,
): number {
  const draws = options.goal === 'targeted' && options.target === 'random'
  const differ = options.randomStart || draws || options.goal === 'multi-targeted'
  return differ ? options.restarts : 1
}
