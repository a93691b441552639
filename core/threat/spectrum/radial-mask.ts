/** Masks over spatial frequencies that depend only on the distance from frequency zero. */
import { ConfigError } from '../../base/errors.ts'

/** The falloff of a mask at its radius. */
export type MaskShape = 'ideal' | 'gaussian' | 'butterworth'
/** The side of the radius that passes. */
export type Band = 'high' | 'low' | 'band'

/** The frequencies that pass. Radii are in bins of the discrete Fourier transform, on both axes. */
export interface RadialBand {
  /** Default `ideal`. */
  readonly mask?: MaskShape
  /** `high`: at least `radius`; `low`: below it; `band`: from `radius` to below `outerRadius`. */
  readonly band: Band
  /** At least 0; with 0, nothing is below it. */
  readonly radius: number
  /** For `band` only: above `radius`. */
  readonly outerRadius?: number
  /** Order n of the Butterworth mask, at least 1; default 2. */
  readonly order?: number
}

/** Gain of a high-pass of radius r > 0 at distance D. */
const highPasses: Readonly<
  Record<MaskShape, (distance: number, radius: number, order: number) => number>
> = {
  ideal: (distance, radius) => (distance >= radius ? 1 : 0),
  // 1 − e^(−D²/2r²)
  gaussian: (distance, radius) => -Math.expm1(-((distance / radius) ** 2) / 2),
  // 1/(1 + (r/D)²ⁿ), 0 at D = 0
  butterworth: (distance, radius, order) => 1 / (1 + (radius / distance) ** (2 * order)),
}

/**
 * The mask `[h, w]` in the order of the discrete Fourier transform, frequency 0 first. It is
 * symmetric, M(k) = M(−k), so a real image stays real. A low-pass is 1 − the high-pass, a band-pass
 * the product of a high-pass and a low-pass.
 * @throws ConfigError ROBENCH_CONFIG for radii that do not define a band
 */
export function radialMask(band: RadialBand, height: number, width: number): Float64Array {
  const { mask = 'ideal', radius, outerRadius, order = 2 } = band
  checkRadii(band)
  const high = (distance: number, from: number): number =>
    from === 0 ? 1 : highPasses[mask](distance, from, order)
  const passes: Readonly<Record<Band, (distance: number) => number>> = {
    high: (distance) => high(distance, radius),
    low: (distance) => 1 - high(distance, radius),
    band: (distance) => high(distance, radius) * (1 - high(distance, outerRadius ?? Infinity)),
  }
  return frequencyDistances(height, width).map(passes[band.band])
}

/** D(u, v): the distance of each bin from frequency zero, `[h, w]`, frequency 0 first. */
export function frequencyDistances(height: number, width: number): Float64Array {
  return Float64Array.from({ length: height * width }, (_, at) => {
    const [u, v] = [Math.floor(at / width), at % width]
    return Math.hypot(Math.min(u, height - u), Math.min(v, width - v))
  })
}

function checkRadii({ band, radius, outerRadius }: RadialBand): void {
  const fits =
    radius >= 0 &&
    (band === 'band'
      ? outerRadius !== undefined && outerRadius > radius
      : outerRadius === undefined)
  if (fits) return
  const outer = band === 'band' ? 'an outer radius above it' : 'no outer radius'
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `band "${band}": expected a radius of at least 0 and ${outer}, ` +
      `got ${radius} and ${outerRadius ?? 'none'}`,
  )
}
