/** FMN, steps within a ball that shrinks and grows around the decision boundary. */
import {
  attackLosses,
  createBall,
  distance,
  dualNorm,
  steepestStep,
} from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { radiusSearch } from './radius-search.ts'
import type { RadiusEvaluation, RadiusSearch } from './radius-search.ts'

export interface FastMinimumNormOptions {
  /** 1 or more. */
  readonly steps: number
  /** α₀: the Euclidean length of the first step in any norm, in the units of the inputs. */
  readonly stepSize: number
}

/** The last step size as a fraction of the first. */
const lastStep = 0.01
/** γ, the relative change of the radius, in the first and in the last step. */
const firstChange = 0.05
const lastChange = 0.001

/**
 * The minimum perturbation in Linf, L2, or L1: a step of length α along the gradient of the margin,
 * and then the nearest point of the ball of radius ε cut by the bounds. Until a point fools the
 * model, ε = ‖δ‖ + |margin| / ‖∇margin‖ in the dual norm, an estimate of the distance to the
 * boundary; afterwards ε ← min((1 − γ)·ε, ‖δ*‖) if the last point fools it, with δ* the shortest
 * fooling perturbation, and (1 + γ)·ε otherwise. α and γ are annealed by a cosine. Where the
 * gradient is zero the point does not move.
 *
 * Differs from the paper: the estimate is multiplied by 1 + γ, since rounding inward would
 * otherwise keep the point of a linear model just short of the boundary; points are projected onto
 * ball and bounds jointly instead of successively; γ ends at the reference code's 0.001; the last
 * point is judged too.
 * @see Pintor et al. 2021, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export function fastMinimumNorm(
  task: AttackTask,
  { steps, stepSize }: FastMinimumNormOptions,
): Promise<FloatTensor> {
  const { labels, threatModel } = task
  const { norm, bounds } = threatModel
  /** ‖δ*‖ of each row, within the ball of the threat model or not. */
  const shortest = new Float64Array(labels.length).fill(Infinity)

  const nextRadius = (search: RadiusSearch, evaluation: RadiusEvaluation): number => {
    const { row, center, point, radius, fools } = search
    const { gradient, logits, cosine } = evaluation
    const change = lastChange + (firstChange - lastChange) * cosine
    const away = distance(norm, center, point)
    if (fools) {
      shortest[row] = Math.min(shortest[row]!, away)
      return Math.min((1 - change) * radius, shortest[row])
    }
    if (shortest[row] !== Infinity) return (1 + change) * radius
    const margin = attackLosses.margin.value(logits, labels[row]!)
    return (1 + change) * (away + Math.abs(margin) / Math.max(dualNorm[norm](gradient), 1e-12))
  }

  return radiusSearch(task, {
    steps,
    loss: 'margin',
    firstRadius: Infinity,
    move(search, evaluation, scratch) {
      const { center, point } = search
      search.radius = nextRadius(search, evaluation)
      const length = stepSize * (lastStep + (1 - lastStep) * evaluation.cosine)
      const { gradient } = evaluation
      steepestStep('L2', { ...noMomentum, point, gradient, length, output: scratch })
      createBall({ norm, bounds, epsilon: search.radius }, center).project(scratch, point)
    },
  })
}

const noMomentum = { momentum: 0, velocity: new Float64Array(0) } as const
