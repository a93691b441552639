/** FMN, steps within a ball that shrinks and grows around the decision boundary: the machinery of fmn. */
import { attackLosses, createBall, distance, steepestStep } from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { dualNorm } from '../fab/linearization.ts'
import { radiusSearch } from './radius-search.ts'
import type { RadiusReading, RadiusSearch } from './radius-search.ts'

export interface FastMinimumNormOptions {
  /** 1 or more. */
  readonly steps: number
  /** α₀: the Euclidean length of the first step, whatever the norm, in the units of the inputs. */
  readonly stepSize: number
}

/** The step α goes down to this part of its first length. */
const lastStep = 0.01
/** γ, by which the radius changes, in the first and in the last step. */
const firstChange = 0.05
const lastChange = 0.001

/**
 * The least perturbation in Linf, L2 or L1: a step of length α along the gradient of the margin, then the nearest point of the ball of
 * radius ε cut by the bounds. Until a point fools the model, ε = ‖δ‖ + |margin| / ‖∇margin‖ in the dual norm, an estimate of the distance
 * to the boundary; afterwards ε ← min((1 − γ)·ε, ‖δ*‖) where the last point fools it, with δ* the least that does, and (1 + γ)·ε
 * elsewhere. α and γ are annealed by the cosine. Where the gradient is zero nothing moves.
 *
 * Differs from the paper: the estimate is taken (1 + γ) times, since rounding inward would otherwise leave the point of a linear model
 * just short of the boundary forever; points are projected onto ball and bounds at once instead of onto one after the other; γ goes down
 * to the reference code's 0.001; the last point is judged, too.
 * @see Pintor, Roli, Brendel, Biggio 2021, "Fast minimum-norm adversarial attacks through adaptive norm constraints", arXiv:2102.12827, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite.
 */
export function fastMinimumNorm(
  task: AttackTask,
  { steps, stepSize }: FastMinimumNormOptions,
): Promise<FloatTensor> {
  const { labels, threatModel } = task
  const { norm } = threatModel
  /** ‖δ*‖ of each row, wherever it lies; the findings know only those within the ball. */
  const least = new Float64Array(labels.length).fill(Infinity)

  const nextRadius = (search: RadiusSearch, reading: RadiusReading): number => {
    const { row, center, point, radius } = search
    const { gradient, logits, fools, cosine } = reading
    const change = lastChange + (firstChange - lastChange) * cosine
    const away = distance(norm, center, point)
    if (fools) {
      const shortest = Math.min(least[row]!, away)
      least[row] = shortest
      return Math.min((1 - change) * radius, shortest)
    }
    if (least[row] !== Infinity) return (1 + change) * radius
    const margin = attackLosses.margin.value(logits, labels[row]!)
    return (1 + change) * (away + Math.abs(margin) / Math.max(dualNorm[norm](gradient), 1e-12))
  }

  return radiusSearch(task, {
    steps,
    loss: 'margin',
    firstRadius: Infinity,
    move(search, reading, scratch) {
      const { center, point } = search
      search.radius = nextRadius(search, reading)
      const length = stepSize * (lastStep + (1 - lastStep) * reading.cosine)
      const { gradient } = reading
      steepestStep('L2', { ...noMomentum, point, gradient, length, output: scratch })
      createBall({ norm, bounds: threatModel.bounds, epsilon: search.radius }, center).project(
        scratch,
        point,
      )
    },
  })
}

const noMomentum = { momentum: 0, velocity: new Float64Array(0) } as const
