/** DDN, which decouples the direction of a perturbation from its norm. */
import { distance, kernels, steepestStep } from '../../../core/api/attack.ts'
import type { AttackLossName, AttackTask } from '../../../core/api/attack.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { radiusSearch } from './radius-search.ts'

export interface DecoupledDirectionOptions {
  /** 1 or more. */
  readonly steps: number
  readonly loss: AttackLossName
  /** γ, above 0 and below 1: each step multiplies the norm by 1 ± γ. */
  readonly radiusChange: number
}

/** The last step size as a fraction of the first. */
const lastStep = 0.01

/**
 * The minimum perturbation in L2: δ ← δ + α·g/‖g‖₂; ε ← (1 − γ)·ε if the last point fools the model
 * and (1 + γ)·ε otherwise; x' = clip(x + ε·δ/‖δ‖₂). α is annealed from 1 to 0.01 by a cosine, and ε
 * starts at 1, both in units of the width of the bounds.
 *
 * Differs from the paper: colors are not quantized; where the gradient is zero the direction does
 * not change (the reference code draws a random one), so that a masked gradient becomes visible;
 * the last point is judged too.
 * @see Rony et al. 2018, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export function decoupledDirection(
  task: AttackTask,
  { steps, loss, radiusChange }: DecoupledDirectionOptions,
): Promise<FloatTensor> {
  const { bounds } = task.threatModel
  const width = bounds[1] - bounds[0]
  return radiusSearch(task, {
    steps,
    loss,
    firstRadius: width,
    move(search, { gradient, cosine }, scratch) {
      const { center, point, fools } = search
      search.radius *= fools ? 1 - radiusChange : 1 + radiusChange
      const length = width * (lastStep + (1 - lastStep) * cosine)
      steepestStep('L2', { ...noMomentum, point, gradient, length, output: scratch })
      const norm = distance('L2', center, scratch)
      kernels.rescale(center, norm === 0 ? 0 : search.radius / norm, scratch)
      kernels.clipToBounds(scratch, bounds, point)
    },
  })
}

const noMomentum = { momentum: 0, velocity: new Float64Array(0) } as const
