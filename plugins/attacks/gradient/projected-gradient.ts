/**
 * Projected gradient ascent on a loss: the algorithm of fgsm, bim, pgd, mim, and their variants.
 */
import {
  attackLosses,
  checkGradient,
  chooseTargets,
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
  AttackTask,
  Evaluation,
  IterativeAttack,
  Passes,
  TargetOf,
} from '../../../core/api/attack.ts'
import { sizeOf, stepsOnDevice, tensor } from '../../../core/api/graph.ts'
import type { FloatTensor, Leap } from '../../../core/api/graph.ts'
import type { RandomStream } from '../../../core/api/plugin.ts'
import { deviceAscent, isTargeted } from './device-ascent.ts'
import type { AscentAttempt } from './device-ascent.ts'
import { gradientsAtPoints } from './gradient-points.ts'
import type { GradientPoints } from './gradient-points.ts'
import { countStarts, cycleLength } from './projected-gradient-options.ts'
import type { ProjectedGradientOptions } from './projected-gradient-options.ts'
import { stepSchedules } from './step-schedule.ts'

/** `point` is what the model sees: the iterate itself, unless `present` is given. */
interface PgdAttempt extends AscentAttempt {
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
  const leap = leapOf(run)
  const attack: IterativeAttack<PgdAttempt> = {
    ...(leap && { leap }),
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

/** Signed length of a step: negative toward a target. */
function lengthOf({ task, options }: PgdRun, attempt: PgdAttempt, step = attempt.step): number {
  const { stepSize, stepSchedule = 'constant' } = options
  const length = stepSize * stepSchedules[stepSchedule](step / attempt.steps)
  return isTargeted(task, attempt) ? -length : length
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
function judge(run: PgdRun, attempt: PgdAttempt, evaluation: Evaluation): boolean {
  const reached = reachesGoal(run, attempt, evaluation.logits)
  const better = scoreOf(run, attempt, evaluation) > attempt.bestScore
  if (reached === attempt.reached ? better : reached) {
    attempt.best.set(attempt.point)
    record(run, attempt, evaluation)
  }
  return isFinished(run, attempt, evaluation.logits)
}

function scoreOf({ task, options }: PgdRun, attempt: PgdAttempt, evaluation: Evaluation): number {
  const { logits, loss } = evaluation
  if (task.model.stochastic && options.goal !== 'targeted') {
    return attackLosses.margin.value(logits, task.labels[attempt.row]!)
  }
  return isTargeted(task, attempt) ? -loss : loss
}

/** Records the evaluation of the point that is saved. */
function record(run: PgdRun, attempt: PgdAttempt, evaluation: Evaluation): void {
  const { task, findings } = run
  const { row } = attempt
  const { logits } = evaluation
  attempt.bestScore = scoreOf(run, attempt, evaluation)
  attempt.reached = reachesGoal(run, attempt, logits)
  const isFooled = task.targets ? attempt.reached : predictedClass(logits) !== task.labels[row]
  findings.fooled[row] = isFooled ? 1 : 0
  findings.margins[row] = attackLosses.margin.value(logits, task.labels[row]!)
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

/** Steps on the device of the model; undefined where the host takes them. */
function leapOf(run: PgdRun): Leap<PgdAttempt> | undefined {
  const { task, options } = run
  const open = stepsOnDevice(task.model)
  const { gradientPoints, smooth, confine, present: presents } = options
  if (!open || gradientPoints || smooth || confine || presents) return undefined
  return deviceAscent(open, {
    task,
    options,
    lengthOf: (attempt, step) => lengthOf(run, attempt, step),
    record: (attempt, logits) => {
      const loss = attackLosses[options.loss].value(logits, attempt.label)
      record(run, attempt, { logits, loss })
    },
    isFinished: (attempt, logits) => isFinished(run, attempt, logits),
  })
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
