/** Nesterov's look-ahead and scaled copies: the gradient points of ni-fgsm. */
import { distance } from '../../../core/api/attack.ts'
import type { Norm } from '../../../core/api/plugin.ts'
import type { GradientPoints } from './gradient-points.ts'

/** Options of `lookAhead`. */
export interface LookAheadOptions {
  readonly norm: Norm
  /** μ, as in the steps. */
  readonly momentum: number
  /** m, 1 or more. */
  readonly scaleCopies: number
}

/**
 * Takes the gradient at x̂/2^i for i = 0 … m − 1, where x̂ = x + α·μ·s·v is the step of length α
 * that the momentum alone would take; v is the sum of gradients divided by their L1 norms. In Linf,
 * s is the number of components, as if gradients were divided by their mean magnitude, which the
 * authors' code does; with the printed L1 norm (s = 1), x̂ would differ from x by a few thousandths
 * of a step. In the other norms, which the paper does not cover, s = 1/‖v‖. The copies are scaled
 * toward 0 in the units of the inputs. As in the paper, x̂ is not projected.
 * @see Lin et al. 2019, section 3 and algorithm 1
 */
export function lookAhead({ norm, momentum, scaleCopies }: LookAheadOptions): GradientPoints {
  return {
    count: scaleCopies,
    stochastic: false,
    around({ point, velocity, length }) {
      const ahead = length * momentum * velocityScale(norm, velocity)
      return Array.from({ length: scaleCopies }, (_, copy) => {
        const scale = 2 ** -copy
        return {
          point: moved(point, velocity, ahead, scale),
          // d(s·x̂)/dx = s with a constant velocity.
          pullBack: (gradient) => (copy === 0 ? gradient : gradient.map((value) => scale * value)),
        }
      })
    },
  }
}

/** scale·(point + ahead·velocity); without momentum, velocity is empty. */
function moved(
  point: Float32Array,
  velocity: Float64Array,
  ahead: number,
  scale: number,
): Float32Array {
  const result = new Float32Array(point.length)
  const hasVelocity = velocity.length > 0
  for (let i = 0; i < result.length; i++) {
    result[i] = scale * (point[i]! + (hasVelocity ? ahead * velocity[i]! : 0))
  }
  return result
}

function velocityScale(norm: Norm, velocity: Float64Array): number {
  if (norm === 'Linf') return velocity.length
  const length = distance(norm, new Float64Array(velocity.length), velocity)
  return length === 0 ? 0 : 1 / length
}
