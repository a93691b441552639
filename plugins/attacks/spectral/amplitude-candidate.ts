/** T(x) of one example under changes of its Fourier amplitude, and ascent steps in them. */
import { createBall } from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import type { AmplitudeTransform } from '../../../core/api/plugin.ts'
import { clipToBounds, createAmplitudeChange } from '../../../core/api/transforms.ts'

/** The parameters of T for one image. */
export interface AmplitudeParameters {
  /** λ: fraction of the distractor's amplitude. */
  mix: number
  /** Row of the distractor in the reference examples; −1 for none. */
  distractor: number
  /** s: factor of each amplitude, as many as the image has components. */
  readonly scale: Float32Array
}

/** T(x) for the current parameters, ready to be evaluated. */
export interface AmplitudeCandidate {
  readonly parameters: AmplitudeParameters
  /**
   * T(x) clipped to the bounds, and projected onto the ball if the threat model has no transform.
   */
  readonly point: Float32Array
  /** Replaces mix and distractor, and recomputes the point. */
  mixWith(parameters: Pick<AmplitudeParameters, 'mix' | 'distractor'>): void
  /**
   * Steps s ← clip(s + length·sign(∂loss/∂s), 1 − ρ, 1 + ρ) and recomputes the point. The gradient
   * is exact through the inverse transform and the clipping to the bounds, and passes unchanged
   * through the projection.
   * @param gradient of the loss at the point
   */
  ascend(gradient: Float32Array, length: number): void
}

/** Identity parameters for an image of `size` components. */
export function neutralParameters(size: number): AmplitudeParameters {
  return { mix: 0, distractor: -1, scale: new Float32Array(size).fill(1) }
}

/** Copies all parameters. */
export function copyParameters(from: AmplitudeParameters, to: AmplitudeParameters): void {
  to.mix = from.mix
  to.distractor = from.distractor
  to.scale.set(from.scale)
}

/** Returns a function that makes the candidate of an example `[c·h·w]`, initially the example. */
export function amplitudeCandidates(
  { inputs, threatModel, reference }: AttackTask,
  limits: Pick<AmplitudeTransform, 'scale'>,
): (example: Float32Array) => AmplitudeCandidate {
  const [channels = 1, height = 1, width = 1] = inputs.shape.slice(1)
  const shape = [channels, height, width] as const
  const size = sizeOf(shape)
  const [low, high] = threatModel.bounds
  const change = createAmplitudeChange(shape, low)
  const [lowest, highest] = [Math.fround(1 - limits.scale), Math.fround(1 + limits.scale)]
  const projects = threatModel.transform?.kind !== 'amplitude'

  return (example) => {
    const ball = projects ? createBall(threatModel, example) : undefined
    const parameters = neutralParameters(size)
    const { scale } = parameters
    const point = example.slice()
    // T(x) before clipping.
    const image = new Float64Array(example)
    let mixture = change.own(example)

    const render = (): void => {
      change.apply(mixture, parameters, image)
      clipToBounds(threatModel.bounds, image, point)
      ball?.project(new Float64Array(point), point)
    }

    return {
      parameters,
      point,
      mixWith({ mix, distractor }) {
        if (parameters.distractor !== distractor) {
          parameters.distractor = distractor
          mixture = change.withForeign(mixture, reference.select([distractor]).inputs.data)
        }
        parameters.mix = mix
        render()
      },
      ascend(gradient, length) {
        const passed = new Float64Array(size)
        for (let i = 0; i < size; i++) {
          if (image[i]! >= low && image[i]! <= high) passed[i] = gradient[i]!
        }
        const slopes = change.scaleGradient(mixture, parameters.mix, passed)
        for (let k = 0; k < size; k++) {
          const moved = scale[k]! + length * Math.sign(slopes[k]!)
          scale[k] = Math.min(Math.max(moved, lowest), highest)
        }
        render()
      },
    }
  }
}
