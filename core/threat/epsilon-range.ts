/** Sizes of perturbations that cannot be meant: wider than the data's range, or without effect. */
import { ConfigError } from '../base/errors.ts'
import { significant } from '../base/figures.ts'
import { formatEpsilon } from './epsilon.ts'
import type { Norm, ThreatModel } from './threat-model.ts'

/** Digits of a float32 after the leading bit. */
const float32Digits = 23

/** Gray levels of an 8-bit image, less one. */
const levels = 255

/** Sizes below this many gray levels are hardly meant. */
const leastLevels = 0.1

/** Bounds at least as wide as this have other units than [0, 1] and [−1, 1]. */
const wideBounds = 100

/** The share of the largest distance from which a size counts as that distance. */
const wholeShare = 1 - 1e-6

/**
 * Refuses a size that is as large as the distance between any two images within the bounds, unless
 * it is the end of a curve or of one side of a box; one that is larger; one that is smaller than the
 * spacing of float32 numbers at the larger bound, so that it would be rounded away; and one far below
 * a gray level in bounds such as [0, 255], which is meant for pixels in [0, 1].
 * @param shape `[channels, height, width]` of the images
 * @param where place of the size, for the message
 * @throws ConfigError ROBENCH_CONFIG
 */
export function requireEpsilonInRange(
  { norm, epsilon, bounds, given }: Pick<ThreatModel, 'norm' | 'epsilon' | 'bounds' | 'given'>,
  shape: readonly number[],
  where: string,
  { isCurve = false } = {},
): void {
  // A transform alone.
  if (epsilon === 0) return
  const widest = largestDistance(norm, bounds, shape)
  const [low, high] = bounds
  const inside = `in [${low}, ${high}]`
  const kind = norm === 'L0' ? 'the number of pixels of an image' : `the largest ${norm} distance`
  const between = norm === 'L0' ? '' : ` between two images ${inside}`
  if (epsilon > widest) {
    throw refused(
      `${where}: ${formatEpsilon(epsilon)} is above ${kind}${between}, ${significant(widest)}: ` +
        `every image would be allowed${suggestion(norm, epsilon, bounds)}`,
    )
  }
  // A box may leave single pixels free.
  if (epsilon >= wholeShare * widest && given === undefined && !isCurve) {
    throw refused(
      `${where}: ${formatEpsilon(epsilon)} is ${kind}${between}: every image would be allowed` +
        suggestion(norm, epsilon, bounds),
    )
  }
  const spacing =
    2 ** (Math.floor(Math.log2(Math.max(Math.abs(low), Math.abs(high)))) - float32Digits)
  if (norm !== 'L0' && epsilon < spacing) {
    throw refused(
      `${where}: ${formatEpsilon(epsilon)} is below the resolution of float32 for images ` +
        `${inside}, ${significant(spacing)}: no image would change; ` +
        'epsilon is in the units of the images, such as "8/255" for pixels in [0, 1]',
    )
  }
  const width = high - low
  if (width >= wideBounds && given !== 'box' && isBelowLevels({ norm, epsilon, bounds })) {
    const scaled = epsilon * width
    const isLikely = !isBelowLevels({ norm, epsilon: scaled, bounds })
    throw refused(
      `${where}: ${formatEpsilon(epsilon)} is ${significant((epsilon * levels) / width)} gray ` +
        `levels of images ${inside}, so no 8-bit image would change; epsilon is in the units of ` +
        `the images${isLikely ? `; did you mean ${formatEpsilon(scaled)}?` : ''}`,
    )
  }
}

/** Whether a size is far below a gray level, in which any norm of a change of one pixel is more. */
export function isBelowLevels({
  norm,
  epsilon,
  bounds: [low, high],
}: Pick<ThreatModel, 'norm' | 'epsilon' | 'bounds'>): boolean {
  return norm !== 'L0' && epsilon > 0 && epsilon < (leastLevels * (high - low)) / levels
}

/** The distance between the darkest and the brightest image; in L0, the number of pixels. */
function largestDistance(
  norm: Norm,
  [low, high]: ThreatModel['bounds'],
  [channels = 1, ...plane]: readonly number[],
): number {
  const pixels = plane.reduce((product, size) => product * size, 1)
  const components = channels * pixels
  const range = high - low
  return { Linf: range, L2: range * Math.sqrt(components), L1: range * components, L0: pixels }[
    norm
  ]
}

/** Asks whether `8` means 8/255, where that would be in range. */
function suggestion(norm: Norm, epsilon: number, [low, high]: ThreatModel['bounds']): string {
  if (norm === 'L0') return ''
  if (high - low >= wideBounds) return '; epsilon is in the units of the images'
  const isLikely = norm === 'Linf' && epsilon / 255 <= high - low
  return isLikely
    ? `; did you mean "${formatEpsilon(epsilon)}/255"?`
    : '; epsilon is in the units of the images'
}

function refused(message: string): ConfigError {
  return new ConfigError('ROBENCH_CONFIG', message)
}
