/** The options of projected gradient ascent, and what they cost. */
import { countTargets } from '../../../core/api/attack.ts'
import type { AttackGoal, AttackLossName, Ball, Target } from '../../../core/api/attack.ts'
import type { GradientPoints } from './gradient-points.ts'
import type { StepSchedule } from './step-schedule.ts'

/** How to ascend. */
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
export function countStarts(options: CostOptions, classes: number): number {
  const draws = options.goal === 'targeted' && options.target === 'random'
  const stochastic = options.randomStart || options.gradientPoints?.stochastic === true
  const advances = options.goal === 'multi-targeted' && options.targets === undefined
  const rounds = stochastic || draws || advances ? options.restarts : 1
  return rounds * cycleLength(options, classes)
}

/** The number of starts after which the targets repeat; 1 without `targets`. */
export function cycleLength(
  { goal, targets }: Pick<ProjectedGradientOptions, 'goal' | 'targets'>,
  classes: number,
): number {
  if (goal !== 'multi-targeted' || targets === undefined) return 1
  return countTargets(targets, classes) + 1
}
