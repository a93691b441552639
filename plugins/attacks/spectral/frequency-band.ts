/** Projected gradient ascent within a band of spatial frequencies: the machinery of high-pass and high-pass-sweep. */
import { distance } from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask, Ball } from '../../../core/api/attack.ts'
import { createImageFilter, radiusOfEnergy } from '../../../core/api/transforms.ts'
import type { ImageFilter, RadialBand } from '../../../core/api/transforms.ts'
import { findByProjectedGradient } from '../gradient/projected-gradient.ts'
import type { ProjectedGradientOptions } from '../gradient/projected-gradient.ts'

/**
 * What the filter F does, where x is the input and z an iterate in its ball. `perturbation`: z − x keeps to the band.
 * `emphasis`: the model sees z + κ·F(z). `high-pass-only`: the model sees F(z) about the middle of the bounds. Both are projected
 * onto the ball, of whose points the last is near for hardly any natural image.
 */
export type FrequencyVariant = 'perturbation' | 'emphasis' | 'high-pass-only'

export interface FrequencyBandOptions extends Pick<
  ProjectedGradientOptions,
  'steps' | 'stepSize' | 'randomStart' | 'restarts' | 'loss' | 'goal' | 'target'
> {
  readonly variant: FrequencyVariant
  readonly band: RadialBand
  /** κ, for `emphasis`. */
  readonly strength: number
}

/** How many examples of the data set say where its energy lies. */
const energySample = 256

/**
 * Attacks as `findByProjectedGradient` does; for an example that is never fooled it costs as much.
 *
 * With `perturbation` each step is the steepest of those within the band: the filter is self-adjoint, so the gradient of the loss
 * through it is the filtered gradient. The sign of such a gradient, and a step cut to the ball, leak into other frequencies, so the
 * perturbation is filtered again after each step and shrunk into the ball as a whole. Only the cut at the bounds leaks after that.
 *
 * With the others the gradient is exact through the filter, and passes the projection as if it were not there: a component at the
 * border of the ball goes on to be pushed.
 */
export function ascendWithinBand(
  task: AttackTask,
  { variant, band, strength, ...options }: FrequencyBandOptions,
): Promise<AttackFindings> {
  const [channels = 1, height = 1, width = 1] = task.inputs.shape.slice(1)
  const filter = createImageFilter(band, [channels, height, width])
  const make: Readonly<
    Record<FrequencyVariant, () => Pick<ProjectedGradientOptions, 'smooth' | 'confine' | 'present'>>
  > = {
    perturbation: () => withinBand(filter, band),
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
): Pick<ProjectedGradientOptions, 'smooth' | 'confine'> {
  // Nothing is filtered out: the very arithmetic of PGD.
  if (band.band === 'high' && band.radius === 0) return {}
  return {
    smooth: (gradient) => {
      const output = new Float64Array(gradient.length)
      filter(gradient, output)
      return new Float32Array(output)
    },
    confine: (candidate, ball) => fitPerturbation(candidate, ball, filter),
  }
}

/** Makes of a point x + δ the point x + s·F(δ) with the largest s ≤ 1 that keeps it in the ball; the bounds are not looked at. */
function fitPerturbation(candidate: Float64Array, ball: Ball, filter: ImageFilter): void {
  const { center, threatModel } = ball
  const { norm, epsilon } = threatModel
  // In Linf δ is first cut to the ball; in other norms the shrinking below does the same before the filter or after.
  const limit = norm === 'Linf' ? epsilon : Infinity
  for (let i = 0; i < candidate.length; i++) {
    candidate[i] = Math.min(Math.max(candidate[i]! - center[i]!, -limit), limit)
  }
  filter(candidate, candidate)
  const length = distance(norm, new Float64Array(candidate.length), candidate)
  const scale = length > epsilon ? epsilon / length : 1
  for (let i = 0; i < candidate.length; i++) candidate[i] = center[i]! + scale * candidate[i]!
}

/** The image own·z + filtered·F(z) + constant, and what takes gradients back through it. */
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
 * The radius whose low band holds that share of the energy of the data set: of up to 256 of its examples, evenly spread, so the
 * same for every part of it that is attacked.
 */
export function radiusOfKeptEnergy({ reference }: AttackTask, share: number): number {
  const count = Math.min(reference.count, energySample)
  const places = Array.from({ length: count }, (_, i) => Math.floor((i * reference.count) / count))
  return radiusOfEnergy(reference.select(places).inputs, share)
}

/** The radius where nothing else is said: a quarter of the shorter side, 8 for 32×32. */
export function defaultRadius({ inputs }: AttackTask): number {
  const [height = 1, width = 1] = inputs.shape.slice(2)
  return Math.max(1, Math.round(Math.min(height, width) / 4))
}
