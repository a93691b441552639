/** PGD within a band of spatial frequencies: the algorithm of `high-pass` and `high-pass-sweep`. */
import { distance, kernels, v, vectorLoop } from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask, Ball } from '../../../core/api/attack.ts'
import { createImageFilter, radiusOfEnergy } from '../../../core/api/transforms.ts'
import type { ImageFilter, RadialBand } from '../../../core/api/transforms.ts'
import { findByProjectedGradient } from '../gradient/projected-gradient.ts'
import type { ProjectedGradientOptions } from '../gradient/projected-gradient-options.ts'

/**
 * How the filter F is used, where x is the input and z an iterate in its ball.
 * - `perturbation`: z − x is limited to the band.
 * - `emphasis`: the model sees z + κ·F(z), projected onto the ball.
 * - `high-pass-only`: the model sees F(z) plus the middle of the bounds, projected onto the ball.
 *   Few natural images have that point near their ball.
 */
export type FrequencyVariant = 'perturbation' | 'emphasis' | 'high-pass-only'

/**
 * How `perturbation` keeps δ = z − x in both the band and the ball.
 * - `alternating`: 5 rounds of {clip to the ball; filter}, then `rescale`. Only an ideal mask is a
 *   projection onto its band; with another mask, which each filtering attenuates further, it equals
 *   `rescale`.
 * - `rescale`: clip to the ball, filter, and multiply by the largest factor of at most 1 that
 *   returns δ to the ball. In Linf one large component shrinks all others.
 *
 * In L2 scaling onto the ball commutes with the filter, so both are the same.
 */
export type BandProjection = 'alternating' | 'rescale'

/** Options of `ascendWithinBand`. */
export interface FrequencyBandOptions extends Pick<
  ProjectedGradientOptions,
  'steps' | 'stepSize' | 'randomStart' | 'restarts' | 'loss' | 'goal' | 'target'
> {
  readonly variant: FrequencyVariant
  readonly band: RadialBand
  /** For `perturbation`. */
  readonly projection: BandProjection
  /** κ, for `emphasis`. */
  readonly strength: number
}

/** Rounds of {clip; filter} before the last one, which also scales. */
const alternations = 5

/** Number of examples from which the spectral energy of the data set is estimated. */
const energySample = 256

/**
 * Runs `findByProjectedGradient` with a filter, at the same cost for an example that is never
 * fooled.
 *
 * With `perturbation`, each step is the steepest within the band: the filter is self-adjoint, so
 * the gradient of the loss through it is the filtered gradient. The sign of such a gradient and a
 * step clipped to the ball leak into other frequencies. So the perturbation is confined again to
 * band and ball after each step (see `BandProjection`). After that, only clipping at the bounds
 * leaks.
 *
 * With the other variants the gradient is exact through the filter and passes unchanged through the
 * projection, so a component at the surface of the ball keeps moving outward.
 */
export function ascendWithinBand(
  task: AttackTask,
  { variant, band, projection, strength, ...options }: FrequencyBandOptions,
): Promise<AttackFindings> {
  const [channels = 1, height = 1, width = 1] = task.inputs.shape.slice(1)
  const filter = createImageFilter(band, [channels, height, width])
  const make: Readonly<
    Record<FrequencyVariant, () => Pick<ProjectedGradientOptions, 'smooth' | 'confine' | 'present'>>
  > = {
    perturbation: () => withinBand(filter, band, projection),
    emphasis: () => presented(filter, { own: 1, filtered: strength, constant: 0 }),
    'high-pass-only': () => {
      const [low, high] = task.threatModel.bounds
      return presented(filter, { own: 0, filtered: 1, constant: (low + high) / 2 })
    },
  }
  return findByProjectedGradient(task, { ...options, ...make[variant]() })
}

function withinBand(
  filter: ImageFilter,
  band: RadialBand,
  projection: BandProjection,
): Pick<ProjectedGradientOptions, 'smooth' | 'confine'> {
  // Nothing is filtered, so use the exact arithmetic of PGD.
  if (band.band === 'high' && band.radius === 0) return {}
  const alternates = projection === 'alternating' && (band.mask ?? 'ideal') === 'ideal'
  const rounds = alternates ? alternations : 0
  return {
    smooth: (gradient) => {
      const output = new Float64Array(gradient.length)
      filter(gradient, output)
      return new Float32Array(output)
    },
    confine: (candidate, ball) => fitPerturbation(candidate, ball, filter, rounds),
  }
}

/**
 * Replaces a point x + δ by x + s·δ′. δ′ is δ after `rounds` + 1 rounds of {clip to the ball;
 * filter}, and s ≤ 1 the largest factor that keeps the result in the ball. Ignores the bounds.
 */
function fitPerturbation(
  candidate: Float64Array,
  ball: Ball,
  filter: ImageFilter,
  rounds: number,
): void {
  const { center, threatModel } = ball
  const { norm, epsilon } = threatModel
  subtract.run({ candidate, center }, {})
  if (norm === 'Linf') {
    for (let round = 0; round <= rounds; round++) {
      clip.run({ candidate }, { low: -epsilon, high: epsilon })
      filter(candidate, candidate)
    }
  } else {
    // Scaling onto the ball commutes with the filter, so the scaling below suffices.
    filter(candidate, candidate)
  }
  const length = distance(norm, origin(candidate.length), candidate)
  const scale = length > epsilon ? epsilon / length : 1
  kernels.addScaled(center, scale, candidate, candidate)
}

const subtract = vectorLoop({
  arrays: { candidate: 'float64', center: 'float32' },
  body: ({ candidate, center }) => ({ writes: { candidate: v.sub(candidate, center) } }),
})

const clip = vectorLoop({
  arrays: { candidate: 'float64' },
  scalars: ['low', 'high'],
  body: ({ candidate, low, high }) => ({ writes: { candidate: v.clip(candidate, low, high) } }),
})

/** Zeros. */
let zeros = new Float64Array(0)
function origin(size: number): Float64Array {
  if (zeros.length !== size) zeros = new Float64Array(size)
  return zeros
}

/** Shows the model own·z + filtered·F(z) + constant, and maps gradients back through it. */
function presented(
  filter: ImageFilter,
  { own, filtered, constant }: Readonly<Record<'own' | 'filtered' | 'constant', number>>,
): Pick<ProjectedGradientOptions, 'smooth' | 'present'> {
  const combine = (image: Float32Array, output: Float64Array, added: number): void => {
    filter(image, output)
    for (let i = 0; i < output.length; i++) {
      output[i] = own * image[i]! + filtered * output[i]! + added
    }
  }
  return {
    present: (point, output) => combine(point, output, constant),
    smooth: (gradient) => {
      const output = new Float64Array(gradient.length)
      combine(gradient, output, 0)
      return new Float32Array(output)
    },
  }
}

/**
 * The radius whose low band contains a fraction of the spectral energy of the data set. It is
 * computed from up to 256 evenly spaced examples, so it is the same for each part of the data set.
 */
export function radiusOfKeptEnergy({ reference }: AttackTask, share: number): number {
  const count = Math.min(reference.count, energySample)
  const places = Array.from({ length: count }, (_, i) => Math.floor((i * reference.count) / count))
  return radiusOfEnergy(reference.select(places).inputs, share)
}

/** The default radius: a quarter of the shorter side, 8 for 32 × 32 pixels. */
export function defaultRadius({ inputs }: AttackTask): number {
  const [height = 1, width = 1] = inputs.shape.slice(2)
  return Math.max(1, Math.round(Math.min(height, width) / 4))
}
