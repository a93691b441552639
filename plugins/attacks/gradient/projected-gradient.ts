/** Projected gradient ascent on a loss: the machinery of fgsm, bim, pgd, mim and their kin. */
import {
  attackLosses,
  checkGradient,
  chooseTargets,
  createBall,
  drawStart,
  predictedClass,
  prepareStack,
  rowOf,
  runnerUps,
  scheduleTask,
  steepestStep,
} from '../../../core/api/attack.ts'
import type {
  AttackFindings,
  AttackGoal,
  AttackLossName,
  AttackTask,
  Ball,
  Target,
  TargetOf,
} from '../../../core/api/attack.ts'
import { sizeOf, tensor } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import type { GradientResult, RandomStream } from '../../../core/api/plugin.ts'
import { gradientsAtPoints } from './gradient-points.ts'
import type { GradientPoints } from './gradient-points.ts'

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
  /** Where to take the gradient; at the iterate if left out, which then needs no pass of its own to be judged. */
  readonly probes?: GradientPoints
  /** What becomes of a gradient before the step; nothing if left out. */
  smooth?(gradient: Float32Array): Float32Array
  /**
   * False to go on after the goal is reached, and answer with the strongest iterate that reaches it: for points that are to fool other models,
   * too. True if left out.
   */
  readonly stopWhenFooled?: boolean
  /** What becomes of a random start or a step before it is projected; nothing if left out. */
  confine?(candidate: Float64Array, ball: Ball): void
  /**
   * What the model sees in place of the iterate, once projected onto the ball: this is judged and answered with. The iterate itself if left
   * out. `smooth` takes its gradients back to the iterate. Not with probes.
   */
  present?(point: Float32Array, output: Float64Array): void
}

/** One example on its way: replaced by nothing but its own gradients, so that batches cannot matter. */
interface Attempt {
  readonly row: number
  readonly ball: Ball
  readonly point: Float32Array
  /** What the model sees: the point, unless it is presented otherwise. */
  readonly shown: Float32Array
  readonly velocity: Float64Array
  /** The strongest iterate of all restarts so far, as it was shown, and its score. */
  readonly best: Float32Array
  bestScore: number
  /** Whether `best` reaches the goal. */
  reached: boolean
  restart: number
  step: number
  /** The class whose loss is raised or lowered. */
  label: number
  /** What the probes of this restart draw from. */
  stream: RandomStream
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
 * With probes the gradient is not of the iterate, which costs it a forward pass a step to be judged.
 *
 * Cost for an example that is never fooled: see `projectedGradientCost`.
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite.
 */
export async function projectedGradient(
  task: AttackTask,
  options: ProjectedGradientOptions,
): Promise<FloatTensor> {
  const { adversarial } = await findByProjectedGradient(task, options)
  return adversarial
}

/** The same, with what the attack's own passes say of the answers, so that other attacks can go on where this one found nothing. */
export async function findByProjectedGradient(
  task: AttackTask,
  options: ProjectedGradientOptions,
): Promise<AttackFindings> {
  const { model, inputs, labels, threatModel, rng } = task
  const loss = attackLosses[options.loss]
  const restarts = effectiveRestarts(options)
  const targetOf = await targetsOf(task, options)
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const answer = inputs.data.slice()
  const fooled = new Uint8Array(labels.length)
  const margins = new Float64Array(labels.length).fill(-Infinity)
  const candidate = new Float64Array(size)

  const show = ({ ball, point, shown }: Attempt): void => {
    if (options.present === undefined) return
    options.present(point, candidate)
    ball.project(candidate, shown)
  }

  const begin = (attempt: Attempt): void => {
    const { ball, point, row, restart } = attempt
    attempt.step = 0
    attempt.label = targetOf(row, restart) ?? attempt.label
    attempt.velocity.fill(0)
    attempt.stream = rng.stream(row, restart, 'probes')
    if (options.randomStart) {
      drawStart(ball, rng.stream(row, restart), candidate)
      options.confine?.(candidate, ball)
      ball.project(candidate, point)
    } else {
      point.set(ball.center)
    }
    show(attempt)
  }

  const open = (row: number): Attempt | undefined => {
    const label = targetOf(row, 0)
    if (label === undefined) return undefined
    const center = inputs.data.subarray(row * size, (row + 1) * size)
    const point = new Float32Array(size)
    const attempt: Attempt = {
      row,
      ball: createBall(threatModel, center),
      point,
      shown: options.present ? new Float32Array(size) : point,
      velocity: new Float64Array(options.momentum ? size : 0),
      best: answer.subarray(row * size, (row + 1) * size),
      bestScore: -Infinity,
      reached: false,
      restart: 0,
      step: 0,
      label,
      stream: rng.stream(row, 0, 'probes'),
    }
    begin(attempt)
    return attempt
  }

  /** Whether the loss is about a target, to be lowered, and not about the true class. */
  const aimed = ({ row, label }: Attempt): boolean => label !== labels[row]

  /** Of the next step. */
  const lengthOf = (attempt: Attempt): number =>
    aimed(attempt) ? -options.stepSize : options.stepSize

  /** Keeps the current iterate if it is the strongest yet: reaching the goal beats any score. True if nothing more is to be done. */
  const judge = (attempt: Attempt, logits: Float32Array): boolean => {
    const predicted = predictedClass(logits)
    const reached =
      options.goal === 'targeted' ? predicted === attempt.label : predicted !== labels[attempt.row]
    const value = loss.value(logits, attempt.label)
    const score = aimed(attempt) ? -value : value
    const stronger = score > attempt.bestScore && reached === attempt.reached
    if (stronger || (reached && !attempt.reached)) {
      attempt.best.set(attempt.shown)
      attempt.bestScore = score
      attempt.reached = reached
      fooled[attempt.row] = predicted === labels[attempt.row] ? 0 : 1
      margins[attempt.row] = attackLosses.margin.value(logits, labels[attempt.row]!)
    }
    return reached && options.stopWhenFooled !== false
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
      gradient: options.smooth?.(gradient) ?? gradient,
      velocity,
      momentum: options.momentum ?? 0,
      length: lengthOf(attempt),
      output: candidate,
    })
    options.confine?.(candidate, ball)
    ball.project(candidate, point)
    show(attempt)
    attempt.step += 1
  }

  /** After the last step of a restart: true if there is no other restart. */
  const close = (attempt: Attempt): boolean => {
    attempt.restart += 1
    if (attempt.restart >= restarts) return true
    begin(attempt)
    return false
  }

  const stack = prepareStack(exampleShape)

  const gradientsAt = (
    attempts: readonly Attempt[],
    points: readonly Float32Array[],
  ): Promise<GradientResult> => {
    const stepLabels = Int32Array.from(attempts, ({ label }) => label)
    return model.gradient(stack(points), stepLabels, loss.expression)
  }

  /** Judges the attempts; returns those that are finished. */
  const judgeAll = async (attempts: readonly Attempt[]): Promise<readonly Attempt[]> => {
    const logits = await model.logits(stack(attempts.map(({ shown }) => shown)))
    return attempts.filter((attempt, place) => judge(attempt, rowOf(logits, place)))
  }

  /** Judges the attempts by their gradient pass, and moves those that are not finished; returns the others. */
  const judgeAndMove = async (attempts: readonly Attempt[]): Promise<readonly Attempt[]> => {
    const points = attempts.map(({ shown }) => shown)
    const { logits, gradient } = await gradientsAt(attempts, points)
    return attempts.filter((attempt, place) => {
      const finished = judge(attempt, rowOf(logits, place))
      if (!finished) move(attempt, rowOf(gradient, place))
      return finished
    })
  }

  /** The same where gradients are taken elsewhere. */
  const judgeAndProbe = async (
    attempts: readonly Attempt[],
    probes: GradientPoints,
  ): Promise<readonly Attempt[]> => {
    const finished = new Set(await judgeAll(attempts))
    const moving = attempts.filter((attempt) => !finished.has(attempt))
    if (moving.length === 0) return attempts
    const iterates = moving.map((attempt) => ({ ...attempt, length: lengthOf(attempt) }))
    const gradients = await gradientsAtPoints(probes, iterates, async (points) => {
      const { gradient } = await gradientsAt(moving, points)
      return gradient
    })
    moving.forEach((attempt, place) => move(attempt, gradients[place]!))
    return [...finished]
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    const finished = new Set<Attempt>()
    const moving = active.filter(({ step }) => step < options.steps)
    if (moving.length > 0) {
      const { probes } = options
      const reached = await (probes ? judgeAndProbe(moving, probes) : judgeAndMove(moving))
      for (const attempt of reached) finished.add(attempt)
    }
    const closing = active.filter((attempt) => !moving.includes(attempt))
    if (closing.length > 0) {
      const reached = new Set(await judgeAll(closing))
      for (const attempt of closing) {
        if (reached.has(attempt) || close(attempt)) finished.add(attempt)
      }
    }
    return active.map((attempt) => finished.has(attempt))
  }

  await scheduleTask(task, {
    open,
    advance,
  })
  return { adversarial: tensor('float32', inputs.shape, answer), fooled, margins }
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

type CostOptions = Pick<
  ProjectedGradientOptions,
  'steps' | 'randomStart' | 'restarts' | 'goal' | 'target' | 'probes'
>

/**
 * Passes for an example that is never fooled: each restart takes a forward and a backward pass a step (with probes, for each of them, and a
 * forward pass to judge the iterate), and one forward pass to judge the final iterate.
 */
export function projectedGradientCost(options: CostOptions): {
  readonly forward: number
  readonly backward: number
} {
  const { steps, probes } = options
  const restarts = effectiveRestarts(options)
  const ranks = options.goal === 'targeted' && options.target === 'least-likely'
  const ranking = ranks || options.goal === 'multi-targeted' ? 1 : 0
  const gradients = probes ? steps * probes.count : steps
  const judgements = probes ? steps + 1 : 1
  return {
    forward: restarts * (gradients + judgements) + ranking,
    backward: restarts * gradients,
  }
}

function effectiveRestarts(options: CostOptions): number {
  const draws = options.goal === 'targeted' && options.target === 'random'
  const stochastic = options.randomStart || options.probes?.stochastic === true
  const differ = stochastic || draws || options.goal === 'multi-targeted'
  return differ ? options.restarts : 1
}
