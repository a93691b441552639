/** APGD, projected gradient ascent with adaptive step sizes: apgd-ce, apgd-dlr, and apgd-t. */
import {
  attackLosses,
  checkGradient,
  countTargets,
  createBall,
  evaluateActive,
  preparePasses,
  rankTargets,
  rowOf,
  runIterativeAttack,
  targetedAttackLosses,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type {
  AttackFindings,
  AttackLossName,
  AttackTask,
  BestAdversarial,
  Evaluation,
  RankedTargets,
  TargetedAttackLossName,
} from '../../../core/api/attack.ts'
import { sizeOf, stepsOnDevice } from '../../../core/api/graph.ts'
import type { Leap } from '../../../core/api/graph.ts'
import { ConfigError, forNorm } from '../../../core/api/plugin.ts'
import type { Norm } from '../../../core/api/plugin.ts'
import { newApgdState } from './apgd-state.ts'
import type { ApgdVariant } from './apgd-state.ts'
import { deviceApgd } from './device-steps.ts'
import type { DeviceAttempt } from './device-steps.ts'
import { l1Variant } from './l1.ts'
import { linfL2Variants } from './linf-l2.ts'

export interface AutoProjectedGradientOptions {
  /** N, 1 or more. */
  readonly steps: number
  /** Maximum number of starts until the model is fooled, 1 or more; per target if targeted. */
  readonly restarts: number
  readonly loss: AttackLossName | TargetedAttackLossName
  /**
   * With a targeted loss only: the number of likeliest wrong classes to target, one after the
   * other; at most all of them.
   */
  readonly targets?: number
  /** Passes to average per evaluation, for stochastic models; 1 by default. */
  readonly samples?: number
}

/** One example. A run is one start, toward one target if targeted. */
interface ApgdAttempt extends DeviceAttempt {
  /** Index of the current phase of the run. */
  phase: number
}

const losses = { ...attackLosses, ...targetedAttackLosses }
const variants: Readonly<Partial<Record<Norm, ApgdVariant>>> = { ...linfL2Variants, L1: l1Variant }

/**
 * Attacks every example from random starts until a point is misclassified as any class. Step sizes,
 * checkpoints, and best points are per example; finished examples are replaced immediately.
 *
 * Differs from the reference: the projection gives the nearest point of the ball cut by the bounds,
 * also in L2; the first step is compared with the start; the last point takes no backward pass;
 * samples are averaged, where the reference uses the logits of the last one.
 * @param ranked the targets of each row if known; otherwise ranking takes a forward pass per
 * example
 * @see Croce and Hein 2020, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite; ConfigError ROBENCH_CONFIG
 * if `targets` is missing for a targeted loss, or given for another
 */
export async function autoProjectedGradient(
  task: AttackTask,
  options: AutoProjectedGradientOptions,
  ranked?: RankedTargets,
): Promise<AttackFindings> {
  const { model, inputs, labels, threatModel, rng } = task
  const { restarts, samples = 1, targets = 0 } = options
  checkTargets(options)
  const variant = forNorm(variants, threatModel.norm, 'apgd')
  const ranking = targets > 0 ? (ranked ?? (await rankTargets(task, targets))) : undefined
  const phases = variant.phases(threatModel.epsilon, options.steps)
  const runs = countRuns(options, model.classes)
  const exampleShape = inputs.shape.slice(1)
  const scratch = new Float64Array(sizeOf(exampleShape))
  const best = trackBestAdversarial(task)

  const startRun = (attempt: ApgdAttempt): void => {
    const { row, run } = attempt
    attempt.target = ranking?.[row]?.[Math.floor(run / restarts)] ?? -1
    startPhase(attempt, 0)
    variant.start(attempt.ball, rng.stream(row, run), scratch)
    attempt.ball.project(scratch, attempt.point)
  }

  const startPhase = (attempt: ApgdAttempt, phase: number): void => {
    const { epsilon, steps } = phases[phase]!
    if (attempt.ball.threatModel.epsilon !== epsilon) {
      attempt.ball = createBall({ ...threatModel, epsilon }, attempt.ball.center)
    }
    attempt.phase = phase
    attempt.steps = steps
  }

  const passes = preparePasses<ApgdAttempt>({
    model,
    exampleShape,
    loss: losses[options.loss],
    label: ({ row }) => labels[row]!,
    ...(ranking && { target: ({ target }) => target }),
    samples,
  })

  const leap = leapOf(task, options, best)
  await runIterativeAttack<ApgdAttempt>(task, {
    ...(leap && { leap }),
    open(row) {
      const ball = createBall(threatModel, rowOf(inputs, row))
      const attempt = { ...newApgdState(ball), row, run: 0, phase: 0, target: -1 }
      startRun(attempt)
      return attempt
    },
    evaluate: (active) => evaluateActive(active, passes),
    judge(attempt, evaluation) {
      const isInBall = attempt.phase === phases.length - 1
      if (isInBall && best.record(attempt.row, attempt.point, evaluation.logits)) return true
      update(attempt, evaluation)
      return false
    },
    step(attempt) {
      if (attempt.step > 0) variant.review(attempt)
      else variant.begin(attempt)
      variant.move(attempt, scratch)
    },
    restart(attempt) {
      if (attempt.phase + 1 < phases.length) {
        startPhase(attempt, attempt.phase + 1)
        scratch.set(attempt.best)
        attempt.ball.project(scratch, attempt.point)
        return true
      }
      attempt.run += 1
      if (attempt.run >= runs) return false
      startRun(attempt)
      return true
    },
  })
  return best.findings
}

/** Steps on the device of the model; undefined where the host takes them. */
function leapOf(
  task: AttackTask,
  { loss, steps, targets = 0, samples = 1 }: AutoProjectedGradientOptions,
  { findings, record }: BestAdversarial,
): Leap<ApgdAttempt> | undefined {
  const open = stepsOnDevice(task.model)
  if (!open || samples > 1) return undefined
  return deviceApgd(open, {
    task,
    loss: losses[loss].expression,
    steps,
    targeted: targets > 0,
    marginOf: (row) => findings.margins[row]!,
    pointOf: (row) => rowOf(findings.adversarial, row),
    record,
  })
}

/** Updates losses, gradients, and the best point of a run with an evaluation. */
function update(attempt: ApgdAttempt, { loss, gradient }: Evaluation): void {
  const { row, run, step, point } = attempt
  if (gradient) {
    checkGradient(gradient, `row ${row} at step ${step} of run ${run}`, { row, step, run })
    attempt.gradient.set(gradient)
  }
  if (step > 0 && loss > attempt.lastLoss) attempt.rises += 1
  if (step === 0 || loss > attempt.bestLoss) {
    attempt.bestLoss = loss
    attempt.best.set(point)
    if (gradient) attempt.bestGradient.set(gradient)
  }
  attempt.lastLoss = loss
}

/** Passes for an example that is never fooled, without the pass that ranks its targets. */
export function autoProjectedGradientCost(
  options: AutoProjectedGradientOptions,
  classes: number,
  norm: Norm,
): { readonly forward: number; readonly backward: number } {
  const samples = countRuns(options, classes) * (options.samples ?? 1)
  // The number of steps does not depend on ε.
  const phases = forNorm(variants, norm, 'apgd').phases(1, options.steps)
  const backward = phases.reduce((sum, { steps }) => sum + steps, 0)
  return { forward: samples * (backward + phases.length), backward: samples * backward }
}

function checkTargets({ loss, targets = 0 }: AutoProjectedGradientOptions): void {
  if (loss in targetedAttackLosses === targets > 0) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `targets: expected 1 or more with a targeted loss, and none otherwise; got ${targets} with ` +
      `"${loss}"`,
  )
}

function countRuns(
  { restarts, targets = 0 }: AutoProjectedGradientOptions,
  classes: number,
): number {
  return restarts * (targets > 0 ? countTargets(targets, classes) : 1)
}
