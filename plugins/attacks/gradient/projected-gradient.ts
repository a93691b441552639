/**
 * Projected gradient ascent on a loss: the algorithm of fgsm, bim, pgd, mim, and their variants.
 */
import {
  attackLosses,
  checkGradient,
  chooseTargets,
  countTargets,
  createBall,
  drawStart,
  evaluateActive,
  predictedClass,
  preparePasses,
  rowOf,
  runIterativeAttack,
  runnerUps,
  steepestStep,
} from '../../../core/api/attack.ts'
import type {
  AttackFindings,
  AttackGoal,
  AttackLossName,
  AttackTask,
  Attempt,
  Ball,
  Evaluation,
  IterativeAttack,
  Passes,
  Target,
  TargetOf,
} from '../../../core/api/attack.ts'
import { sizeOf, tensor } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import type { RandomStream } from '../../../core/api/plugin.ts'
import { gradientsAtPoints } from './gradient-points.ts'
import type { GradientPoints } from './gradient-points.ts'
import { stepSchedules } from './step-schedule.ts'
import type { StepSchedule } from './step-schedule.ts'

export interface ProjectedGradientOptions {
  /** 1 or more. */
  readonly steps: number
  /** Length of a step in the attack's norm, in the units of the inputs. */
  readonly stepSize: number
  /** Start at a uniform draw from the ball instead of at the input. */
  readonly randomStart: boolean
  /**
   * Maximum number of starts, 1 or more; reduced to 1 where all starts are the same. With
   * `targets`, starts per target.
   */
  readonly restarts: number
  /** Start at the input first, before random starts; with `targets`, once per target. */
  readonly centerStart?: boolean
  /** How the length of a step decreases from `stepSize`; `constant` by default. */
  readonly stepSchedule?: StepSchedule
  /** The loss to raise (untargeted), or to lower toward a target. */
  readonly loss: AttackLossName
  readonly goal: AttackGoal
  /** Used with goal `targeted` only. */
  readonly target: Target
  /**
   * Used with goal `multi-targeted` only: the starts cycle through the true class and this many
   * wrong classes, the likeliest first; at most all wrong classes. By default each restart takes
   * the next class.
   */
  readonly targets?: number
  /** Decay of the accumulated gradient; 0 (the default) disables momentum. */
  readonly momentum?: number
  /** Where to take the gradient; by default at the iterate, which then needs no extra pass. */
  readonly gradientPoints?: GradientPoints
  /** Transforms each gradient before the step. */
  smooth?(gradient: Float32Array): Float32Array
  /**
   * False continues after the goal is reached, and returns the best iterate that reaches it: for
   * points meant to fool other models too. True by default, and without effect on a stochastic
   * model, where every attack continues.
   */
  readonly stopWhenFooled?: boolean
  /** Transforms a random start, and each step, before its projection. */
  confine?(candidate: Float64Array, ball: Ball): void
  /**
   * Transforms the iterate into the point that the model sees, before it is projected onto the
   * ball. That point is judged and returned. `smooth` must pull gradients back to the iterate.
   * Cannot be combined with `gradientPoints`.
   */
  present?(iterate: Float32Array, output: Float64Array): void
}

/** `point` is what the model sees: the iterate itself, unless `present` is given. */
interface PgdAttempt extends Attempt {
  readonly ball: Ball
  readonly iterate: Float32Array
  readonly velocity: Float64Array
  /** The best point of all starts so far, and its score. */
  readonly best: Float32Array
  bestScore: number
  /** Whether `best` reaches the goal. */
  reached: boolean
  restart: number
  /** The class whose loss is raised or lowered. */
  label: number
  /** The random numbers of this start's gradient points. */
  stream: RandomStream
}

/** The state that all attempts share. */
interface PgdRun {
  readonly task: AttackTask
  readonly options: ProjectedGradientOptions
  readonly targetOf: TargetOf
  readonly findings: AttackFindings
  /** Scratch, as long as a point. */
  readonly candidate: Float64Array
}

/**
 * Attacks every example and returns, for each, its first iterate that reaches the goal, or else the
 * iterate with the highest loss (lowest toward a target) over all steps and restarts. The last
 * iterate has no priority. Every iterate is judged, including the start and the final one.
 *
 * An attack on a stochastic model does not stop where a draw, or a mean of draws, is misclassified.
 * Unless it has a fixed target, it returns the iterate with the largest margin instead of loss.
 *
 * A targeted attack continues until its target is predicted, even if an iterate is misclassified as
 * another class; the host still counts any misclassified result as broken. An example whose own
 * class is the target is returned unchanged. A multi-targeted attack stops at any
 * misclassification.
 *
 * With `gradientPoints` the gradient is not taken at the iterate, so judging each iterate takes an
 * extra forward pass per step.
 *
 * Cost for an example that is never fooled: see `projectedGradientCost`.
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export async function projectedGradient(
  task: AttackTask,
  options: ProjectedGradientOptions,
): Promise<FloatTensor> {
  const { adversarial } = await findByProjectedGradient(task, options)
  return adversarial
}

/**
 * Same as `projectedGradient`, with the outcomes of the attack's own passes, so that other attacks
 * can continue on the examples that it did not break.
 */
export async function findByProjectedGradient(
  task: AttackTask,
  given: ProjectedGradientOptions,
): Promise<AttackFindings> {
  const options = task.targets ? ({ ...given, goal: 'targeted' } as const) : given
  const { model, inputs, labels } = task
  const exampleShape = inputs.shape.slice(1)
  const findings = {
    adversarial: tensor('float32', inputs.shape, inputs.data.slice()),
    fooled: new Uint8Array(labels.length),
    margins: new Float64Array(labels.length).fill(-Infinity),
  }
  const run: PgdRun = {
    task,
    options,
    targetOf: await targetsOf(task, options),
    findings,
    candidate: new Float64Array(sizeOf(exampleShape)),
  }
  const atIterate = preparePasses<PgdAttempt>({
    model,
    exampleShape,
    loss: attackLosses[options.loss],
    label: ({ label }) => label,
  })
  const passes = options.gradientPoints
    ? passesAtPoints(run, options.gradientPoints, atIterate)
    : atIterate
  const starts = countStarts(options, model.classes)
  const attack: IterativeAttack<PgdAttempt> = {
    open: (row) => open(run, row),
    evaluate: (active) => evaluateActive(active, passes),
    judge: (attempt, evaluation) => judge(run, attempt, evaluation),
    step: (attempt, gradient) => step(run, attempt, gradient),
    restart(attempt) {
      attempt.restart += 1
      if (attempt.restart >= starts) return false
      start(run, attempt)
      return true
    },
  }
  await runIterativeAttack(task, attack)
  return findings
}

function open(run: PgdRun, row: number): PgdAttempt | undefined {
  const { task, options, findings, targetOf, candidate } = run
  const size = candidate.length
  const label = targetOf(row, 0)
  if (label === undefined) return undefined
  const iterate = new Float32Array(size)
  const attempt: PgdAttempt = {
    row,
    ball: createBall(task.threatModel, rowOf(task.inputs, row)),
    iterate,
    point: options.present ? new Float32Array(size) : iterate,
    velocity: new Float64Array(options.momentum ? size : 0),
    best: rowOf(findings.adversarial, row),
    bestScore: -Infinity,
    reached: false,
    restart: 0,
    step: 0,
    steps: options.steps,
    label,
    stream: task.rng.stream(row, 0, 'probes'),
  }
  start(run, attempt)
  return attempt
}

/** Moves the attempt to the start of its current restart. */
function start(run: PgdRun, attempt: PgdAttempt): void {
  const { task, options, targetOf, candidate } = run
  const { ball, iterate, row, restart } = attempt
  attempt.label = targetOf(row, restart) ?? attempt.label
  attempt.velocity.fill(0)
  attempt.stream = task.rng.stream(row, restart, 'probes')
  const isCentered = options.centerStart && restart < cycleLength(options, task.model.classes)
  if (options.randomStart && !isCentered) {
    drawStart(ball, task.rng.stream(row, restart), candidate)
    options.confine?.(candidate, ball)
    ball.project(candidate, iterate)
  } else {
    iterate.set(ball.center)
  }
  present(run, attempt)
}

/** Updates what the model sees. */
function present({ options, candidate }: PgdRun, { ball, iterate, point }: PgdAttempt): void {
  if (options.present === undefined) return
  options.present(iterate, candidate)
  ball.project(candidate, point)
}

/** Whether the loss is that of a target, to be lowered, and not that of the true class. */
function isTargeted({ task }: PgdRun, { row, label }: PgdAttempt): boolean {
  return label !== task.labels[row]
}

/** Signed length of the next step: negative toward a target. */
function lengthOf(run: PgdRun, attempt: PgdAttempt): number {
  const { stepSize, stepSchedule = 'constant' } = run.options
  const length = stepSize * stepSchedules[stepSchedule](attempt.step / attempt.steps)
  return isTargeted(run, attempt) ? -length : length
}

function reachesGoal({ task, options }: PgdRun, attempt: PgdAttempt, logits: Float32Array) {
  const predicted = predictedClass(logits)
  return options.goal === 'targeted'
    ? predicted === attempt.label
    : predicted !== task.labels[attempt.row]
}

/** Whether logits finish an attempt. */
function isFinished(run: PgdRun, attempt: PgdAttempt, logits: Float32Array): boolean {
  const stops = run.options.stopWhenFooled !== false && !run.task.model.stochastic
  return stops && reachesGoal(run, attempt, logits)
}

/** Saves the point if it is the best so far; reaching the goal beats any score. */
function judge(run: PgdRun, attempt: PgdAttempt, { logits, loss }: Evaluation): boolean {
  const { task, findings } = run
  const { row } = attempt
  const reached = reachesGoal(run, attempt, logits)
  const label = task.labels[row]!
  const margin = attackLosses.margin.value(logits, label)
  const byMargin = task.model.stochastic && run.options.goal !== 'targeted'
  const score = byMargin ? margin : isTargeted(run, attempt) ? -loss : loss
  const better = score > attempt.bestScore && reached === attempt.reached
  if (better || (reached && !attempt.reached)) {
    attempt.best.set(attempt.point)
    attempt.bestScore = score
    attempt.reached = reached
    const isFooled = task.targets ? reached : predictedClass(logits) !== label
    findings.fooled[row] = isFooled ? 1 : 0
    findings.margins[row] = margin
  }
  return isFinished(run, attempt, logits)
}

function step(run: PgdRun, attempt: PgdAttempt, gradient: Float32Array): void {
  const { task, options, candidate } = run
  const { ball, iterate, velocity, row, step, restart } = attempt
  const place = `row ${row} at step ${step} of restart ${restart}`
  checkGradient(gradient, place, { row, step, restart })
  steepestStep(task.threatModel.norm, {
    point: iterate,
    gradient: options.smooth?.(gradient) ?? gradient,
    velocity,
    momentum: options.momentum ?? 0,
    length: lengthOf(run, attempt),
    output: candidate,
  })
  options.confine?.(candidate, ball)
  ball.project(candidate, iterate)
  present(run, attempt)
}

/**
 * The same passes with gradients taken at gradient points: a forward pass judges each iterate, and
 * gradient passes follow for those that it does not finish.
 */
function passesAtPoints(
  run: PgdRun,
  gradientPoints: GradientPoints,
  { forward, gradient }: Passes<PgdAttempt>,
): Passes<PgdAttempt> {
  return {
    forward,
    async gradient(attempts) {
      const evaluations = await forward(attempts)
      const unfinished = [...attempts.entries()].filter(
        ([place, attempt]) => !isFinished(run, attempt, evaluations[place]!.logits),
      )
      if (unfinished.length === 0) return evaluations
      const moving = unfinished.map(([, attempt]) => attempt)
      const iterates = moving.map((attempt) => ({ ...attempt, length: lengthOf(run, attempt) }))
      const gradients = await gradientsAtPoints(gradientPoints, iterates, async (points) => {
        const results = await gradient(moving.map((a, i) => ({ ...a, point: points[i]! })))
        return results.map((result) => result.gradient!)
      })
      const own = new Map(unfinished.map(([place], i) => [place, gradients[i]!]))
      return evaluations.map((evaluation, place) => {
        const found = own.get(place)
        return found ? { ...evaluation, gradient: found } : evaluation
      })
    },
  }
}

/** The class that each start's loss is about: the true class, or a target. */
async function targetsOf(task: AttackTask, options: ProjectedGradientOptions): Promise<TargetOf> {
  const { goal, target, targets } = options
  const wanted = task.targets
  if (wanted) return (row) => wanted[row]
  if (goal === 'targeted') return chooseTargets(task, target)
  if (goal === 'multi-targeted') {
    const ranked = await runnerUps(task)
    if (targets === undefined) return ranked
    const cycle = cycleLength(options, task.model.classes)
    return (row, restart) => ranked(row, restart % cycle)
  }
  return (row) => task.labels[row]
}

type CostOptions = Pick<
  ProjectedGradientOptions,
  'steps' | 'randomStart' | 'restarts' | 'goal' | 'target' | 'targets' | 'gradientPoints'
>

/**
 * Passes for an example that is never fooled. Each start takes a forward and a backward pass per
 * step, and a forward pass for the final iterate; with `gradientPoints`, a forward and a backward
 * pass per gradient point, and a forward pass for every iterate.
 * @param classes matters with `targets` only
 */
export function projectedGradientCost(
  options: CostOptions,
  classes = Infinity,
): {
  readonly forward: number
  readonly backward: number
} {
  const { steps, gradientPoints } = options
  const starts = countStarts(options, classes)
  const ranks = options.goal === 'targeted' && options.target === 'least-likely'
  const ranking = ranks || options.goal === 'multi-targeted' ? 1 : 0
  const gradients = gradientPoints ? steps * gradientPoints.count : steps
  const judgments = gradientPoints ? steps + 1 : 1
  return {
    forward: starts * (gradients + judgments) + ranking,
    backward: starts * gradients,
  }
}

/** The number of distinct starts. */
function countStarts(options: CostOptions, classes: number): number {
  const draws = options.goal === 'targeted' && options.target === 'random'
  const stochastic = options.randomStart || options.gradientPoints?.stochastic === true
  const advances = options.goal === 'multi-targeted' && options.targets === undefined
  const rounds = stochastic || draws || advances ? options.restarts : 1
  return rounds * cycleLength(options, classes)
}

/** The number of starts after which the targets repeat; 1 without `targets`. */
function cycleLength(
  { goal, targets }: Pick<ProjectedGradientOptions, 'goal' | 'targets'>,
  classes: number,
): number {
  if (goal !== 'multi-targeted' || targets === undefined) return 1
  return countTargets(targets, classes) + 1
}
