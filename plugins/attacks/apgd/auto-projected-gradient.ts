/** APGD, projected gradient ascent that finds its own step sizes: the machinery of apgd-ce, apgd-dlr and apgd-t. */
import {
  attackLosses,
  checkGradient,
  countTargets,
  createBall,
  prepareStack,
  rankTargets,
  rowOf,
  scheduleTask,
  targetedAttackLosses,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type {
  AttackFindings,
  AttackLossName,
  AttackTask,
  RankedTargets,
  TargetedAttackLossName,
} from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import type { Norm } from '../../../core/api/plugin.ts'
import { newApgdState } from './apgd-state.ts'
import type { ApgdRule, ApgdState } from './apgd-state.ts'
import { l1Rule } from './l1.ts'
import { linfL2Rule } from './linf-l2.ts'

export interface AutoProjectedGradientOptions {
  /** N, 1 or more. */
  readonly steps: number
  /** How often to start anew while not fooled, 1 or more; with targets, for each of them. */
  readonly restarts: number
  readonly loss: AttackLossName | TargetedAttackLossName
  /** With a targeted loss: how many of the likeliest wrong classes to go for, one after the other; cut to those there are. */
  readonly targets?: number
  /** Passes whose mean is taken for one evaluation, for models that answer at random; 1 if left out. */
  readonly samples?: number
}

/** One example on its way. */
interface Attempt extends ApgdState {
  readonly row: number
  target: number
  /** Counts restarts and targets through. */
  run: number
  /** Its place among the phases of a run. */
  phase: number
}

/** What a model says at one point: means over the samples. */
interface Evaluation {
  readonly logits: Float32Array
  readonly loss: number
  readonly gradient?: Float32Array
}

const losses = { ...attackLosses, ...targetedAttackLosses }
const ascentRules: Readonly<Record<Norm, ApgdRule>> = { ...linfL2Rule, L1: l1Rule }

/**
 * Attacks every example from random starts until a point is misclassified, by any class. Steps, halvings and best
 * points are each example's own; who is fooled makes room for the next at once.
 *
 * Differs from the reference: the projection gives the nearest point of the ball cut by the bounds, also in L2; the first step is
 * compared with the start; the last point takes no backward pass; of samples the mean counts, not the last.
 * @param ranked the targets of each row, if they are known; else they cost a forward pass an example.
 * @see Croce and Hein 2020, "Reliable evaluation of adversarial robustness …", arXiv:2003.01690, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite; ConfigError ROBENCH_CONFIG if a targeted loss has no targets or another has.
 */
export async function autoProjectedGradient(
  task: AttackTask,
  options: AutoProjectedGradientOptions,
  ranked?: RankedTargets,
): Promise<AttackFindings> {
  const { model, inputs, labels, threatModel, rng } = task
  const { restarts, samples = 1, targets = 0 } = options
  checkTargets(options)
  const rule = ascentRules[threatModel.norm]
  const loss = losses[options.loss]
  const ranking = targets > 0 ? (ranked ?? (await rankTargets(task, targets))) : undefined
  const phases = rule.phases(threatModel.epsilon, options.steps)
  const runs = countRuns(options, model.classes)
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const scratch = new Float64Array(size)
  const stack = prepareStack(exampleShape)
  const strongest = trackBestAdversarial(task)

  const open = (row: number): Attempt => {
    const center = inputs.data.subarray(row * size, (row + 1) * size)
    const attempt = {
      ...newApgdState(createBall(threatModel, center)),
      row,
      run: 0,
      phase: 0,
      target: -1,
    }
    beginRun(attempt)
    return attempt
  }

  const beginRun = (attempt: Attempt): void => {
    attempt.target = ranking?.[attempt.row]?.[Math.floor(attempt.run / restarts)] ?? -1
    enter(attempt, 0)
    rule.start(attempt.ball, rng.stream(attempt.row, attempt.run), scratch)
    attempt.ball.project(scratch, attempt.point)
  }

  const enter = (attempt: Attempt, phase: number): void => {
    const { epsilon, steps } = phases[phase]!
    if (attempt.ball.threatModel.epsilon !== epsilon) {
      attempt.ball = createBall({ ...threatModel, epsilon }, attempt.ball.center)
    }
    attempt.phase = phase
    attempt.step = 0
    attempt.steps = steps
  }

  /** After the last step of a phase: true if there is nothing more to do. */
  const leave = (attempt: Attempt): boolean => {
    if (attempt.phase + 1 < phases.length) {
      enter(attempt, attempt.phase + 1)
      scratch.set(attempt.best)
      attempt.ball.project(scratch, attempt.point)
      return false
    }
    attempt.run += 1
    if (attempt.run >= runs) return true
    beginRun(attempt)
    return false
  }

  /** Evaluates points; with their gradients unless they are the last of their run. */
  const evaluate = async (
    attempts: readonly Attempt[],
    withGradient: boolean,
  ): Promise<Evaluation[]> => {
    if (attempts.length === 0) return []
    const points = stack(attempts.map(({ point }) => point))
    const own = Int32Array.from(attempts, ({ row }) => labels[row]!)
    const aims = ranking && Int32Array.from(attempts, ({ target }) => target)
    const taken: Evaluation[][] = attempts.map(() => [])
    for (let sample = 0; sample < samples; sample++) {
      const answer = withGradient
        ? await model.gradient(points, own, loss.expression, aims)
        : { logits: await model.logits(points) }
      attempts.forEach(({ row, target }, place) => {
        const logits = rowOf(answer.logits, place)
        taken[place]!.push({
          logits,
          loss: loss.value(logits, labels[row]!, target),
          ...('gradient' in answer && { gradient: rowOf(answer.gradient, place) }),
        })
      })
    }
    return taken.map(meanOf)
  }

  /** Takes in an evaluation; true if the point is misclassified and allowed. */
  const judge = (attempt: Attempt, { logits, loss: value, gradient }: Evaluation): boolean => {
    const { row, run, step, point, phase } = attempt
    const allowed = phase === phases.length - 1
    if (allowed && strongest.offer(row, point, logits)) return true
    if (gradient) {
      checkGradient(gradient, `row ${row} at step ${step} of run ${run}`, { row, step, run })
      attempt.gradient.set(gradient)
    }
    if (step > 0 && value > attempt.lastLoss) attempt.rises += 1
    if (step === 0 || value > attempt.bestLoss) {
      attempt.bestLoss = value
      attempt.best.set(point)
      if (gradient) attempt.bestGradient.set(gradient)
    }
    attempt.lastLoss = value
    return false
  }

  const move = (attempt: Attempt): void => {
    if (attempt.step > 0) rule.review(attempt)
    else rule.begin(attempt, attempt.phase === 0 ? 'at random' : 'at a point')
    rule.move(attempt, scratch)
    attempt.step += 1
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    const finished = new Map<Attempt, boolean>()
    const moving = active.filter(({ step, steps }) => step < steps)
    const closing = active.filter(({ step, steps }) => step === steps)
    const underway = await evaluate(moving, true)
    moving.forEach((attempt, place) => {
      const fooled = judge(attempt, underway[place]!)
      if (!fooled) move(attempt)
      finished.set(attempt, fooled)
    })
    const last = await evaluate(closing, false)
    closing.forEach((attempt, place) => {
      finished.set(attempt, judge(attempt, last[place]!) || leave(attempt))
    })
    return active.map((attempt) => finished.get(attempt) === true)
  }

  await scheduleTask(task, {
    open,
    advance,
  })
  return strongest.findings
}

/** Passes for an example that is never fooled; without the pass that ranks its targets. */
export function autoProjectedGradientCost(
  options: AutoProjectedGradientOptions,
  classes: number,
  norm: Norm,
): { readonly forward: number; readonly backward: number } {
  const samples = countRuns(options, classes) * (options.samples ?? 1)
  // How ε is divided among the phases changes no count.
  const phases = ascentRules[norm].phases(1, options.steps)
  const backward = phases.reduce((sum, { steps }) => sum + steps, 0)
  return { forward: samples * (backward + phases.length), backward: samples * backward }
}

function checkTargets({ loss, targets = 0 }: AutoProjectedGradientOptions): void {
  if (loss in targetedAttackLosses === targets > 0) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `targets: expected 1 or more with a targeted loss and none with another, got ${targets} with "${loss}"`,
  )
}

function countRuns(
  { restarts, targets = 0 }: AutoProjectedGradientOptions,
  classes: number,
): number {
  return restarts * (targets > 0 ? countTargets(targets, classes) : 1)
}

function meanOf(evaluations: readonly Evaluation[]): Evaluation {
  const [first] = evaluations
  if (evaluations.length === 1) return first!
  const mean = (parts: readonly Float32Array[]): Float32Array =>
    Float32Array.from(
      parts[0]!,
      (_, i) => parts.reduce((sum, part) => sum + part[i]!, 0) / parts.length,
    )
  return {
    logits: mean(evaluations.map(({ logits }) => logits)),
    loss: evaluations.reduce((sum, { loss }) => sum + loss, 0) / evaluations.length,
    ...(first!.gradient && { gradient: mean(evaluations.map(({ gradient }) => gradient!)) }),
  }
}
