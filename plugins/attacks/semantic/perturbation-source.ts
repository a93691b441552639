/** Noise η that an attack adds to a transformed image: free, or a function of latent variables. */
import { drawStart, steepestStep } from '../../../core/api/attack.ts'
import type { Ball } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import { randomStream } from '../../../core/api/plugin.ts'
import type { RandomStream, ThreatModel } from '../../../core/api/plugin.ts'

/** An iterate of the ascent on one example. */
export interface PerturbationPlace {
  /** Around T(x). */
  readonly ball: Ball
  /** The point of the ball at which the gradient was computed. */
  readonly point: Float32Array
  /** Gradient of the loss at `point`. */
  readonly gradient: Float32Array
}

/** The noise of one example. */
export interface Perturbation {
  /** Draws the noise of a new restart. @param ball around the first T(x) of the restart */
  begin(ball: Ball, stream: RandomStream): void
  /** Writes T(x) + η before projection. */
  addTo(ball: Ball, output: Float64Array): void | Promise<void>
  /** Takes one ascent step. */
  ascend(place: PerturbationPlace): void | Promise<void>
}

/** Creates the noise of each example. */
export interface PerturbationSource {
  /** @param row the example's row in the task's inputs */
  open(row: number): Perturbation
  /** Releases sessions and memory. */
  release(): Promise<void>
}

/**
 * Optimizes each component of η independently, as in PGD: starts uniform in the ball and steps
 * along the norm's steepest direction.
 */
export function freeNoise(size: number, stepSize: number): PerturbationSource {
  return {
    open() {
      const moved = new Float64Array(size)
      const noise = new Float64Array(size)
      const keep = (center: Float32Array): void => {
        for (let i = 0; i < size; i++) noise[i] = moved[i]! - center[i]!
      }
      return {
        begin(ball, stream) {
          drawStart(ball, stream, moved)
          keep(ball.center)
        },
        addTo({ center }, output) {
          for (let i = 0; i < size; i++) output[i] = center[i]! + noise[i]!
        },
        ascend({ ball, point, gradient }) {
          const { norm } = ball.threatModel
          steepestStep(norm, {
            point,
            gradient,
            velocity: new Float64Array(0),
            momentum: 0,
            length: stepSize,
            output: moved,
          })
          keep(ball.center)
        },
      }
    },
    async release() {},
  }
}

/** z is clipped to ±3, the bulk of its normal prior. */
export const latentLimit = 3

/** Moves z one step along the signs of its gradient. */
export function ascendLatent(z: Float64Array, slopes: ArrayLike<number>, stepSize: number): void {
  for (let j = 0; j < z.length; j++) {
    const moved = z[j]! + stepSize * Math.sign(slopes[j]!)
    z[j] = Math.min(Math.max(moved, -latentLimit), latentLimit)
  }
}

/**
 * The largest absolute value of components that keeps noise of any signs in the ball: ε in Linf,
 * ε/√d in L2, ε/d in L1, 0 in L0.
 */
export function noiseAmplitude({ norm, epsilon }: ThreatModel, size: number): number {
  switch (norm) {
    case 'Linf':
      return epsilon
    case 'L2':
      return epsilon / Math.sqrt(size)
    case 'L1':
      return epsilon / size
    case 'L0':
      return 0
    default:
      return norm satisfies never
  }
}

/** Options of `basisNoise`. */
export interface BasisNoiseOptions {
  readonly shape: readonly [channels: number, height: number, width: number]
  /** d_z: number of basis images, 1 or more. */
  readonly dimensions: number
  /** β_z: change of each z_j per step. */
  readonly latentStep: number
}

/**
 * η = A·tanh(Σ_j z_j·B_j) with fixed smooth random images B_j, z drawn from N(0, I), and
 * A = `noiseAmplitude`. The same z gives the same noise for every example.
 */
export function basisNoise({
  shape,
  dimensions,
  latentStep,
}: BasisNoiseOptions): PerturbationSource {
  const size = sizeOf(shape)
  const basis = Array.from({ length: dimensions }, (_, j) => smoothImage(shape, j, dimensions))
  return {
    open() {
      const z = new Float64Array(dimensions)
      const waves = new Float64Array(size)
      return {
        begin(_ball, stream) {
          for (let j = 0; j < dimensions; j++) z[j] = stream.normal()
        },
        addTo(ball, output) {
          waves.fill(0)
          basis.forEach((image, j) => {
            for (let i = 0; i < size; i++) waves[i]! += z[j]! * image[i]!
          })
          const amplitude = noiseAmplitude(ball.threatModel, size)
          for (let i = 0; i < size; i++) {
            waves[i] = Math.tanh(waves[i]!)
            output[i] = ball.center[i]! + amplitude * waves[i]!
          }
        },
        // dη/dz_j = A·(1 − tanh²)·B_j. A is positive, so it does not change the signs.
        ascend({ gradient }) {
          const slopes = basis.map((image) => {
            let sum = 0
            for (let i = 0; i < size; i++) sum += gradient[i]! * (1 - waves[i]! ** 2) * image[i]!
            return sum
          })
          ascendLatent(z, slopes, latentStep)
        },
      }
    },
    async release() {},
  }
}

/** Cosine frequencies per axis of the basis images: 0 to 7 half periods over the image. */
const band = 8

/**
 * B_j: a random sum of low-frequency cosines, scaled so that Σ_j z_j·B_j with z ~ N(0, I) has a
 * mean square of 1.
 */
function smoothImage(
  [channels, height, width]: BasisNoiseOptions['shape'],
  j: number,
  dimensions: number,
): Float64Array {
  const stream = randomStream('basis noise', j, channels, height, width)
  const image = new Float64Array(channels * height * width)
  for (let channel = 0; channel < channels; channel++) {
    for (let u = 0; u < Math.min(band, height); u++) {
      for (let v = 0; v < Math.min(band, width); v++) {
        const weight = stream.normal()
        for (let row = 0; row < height; row++) {
          const down = weight * Math.cos((Math.PI * u * (row + 0.5)) / height)
          const start = (channel * height + row) * width
          for (let column = 0; column < width; column++) {
            image[start + column]! += down * Math.cos((Math.PI * v * (column + 0.5)) / width)
          }
        }
      }
    }
  }
  let squares = 0
  for (const value of image) squares += value * value
  const scale = squares === 0 ? 0 : Math.sqrt(image.length / squares / dimensions)
  return image.map((value) => scale * value)
}
