/** The threat models of a suite: parsed, and joined with the bounds of the data. */
import { ConfigError } from '../../base/errors.ts'
import type { Dataset } from '../../data/dataset.ts'
import { requireEpsilonInRange } from '../../threat/epsilon-range.ts'
import { parseEpsilon } from '../../threat/epsilon.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { transformRecord } from '../../threat/transforms/table.ts'
import type { Transform } from '../../threat/transforms/table.ts'
import type { Suite } from './schema.ts'

/** A threat model of a suite. The bounds come from the data. */
export interface SuiteThreatModel extends Omit<ThreatModel, 'bounds' | 'target'> {
  /** A `ThreatTarget`, or the name of a class of the data. */
  readonly target?: number | string
  /** Further epsilons, ascending. */
  readonly curve?: readonly number[]
}

/** A threat model of a suite whose target is not the name of a class. */
export type NumberedThreatModel = Omit<SuiteThreatModel, 'target'> & Pick<ThreatModel, 'target'>

/**
 * Parses a threat model of the suite.
 * @throws ConfigError if an epsilon is not a positive number or fraction, or a range does not
 * contain the neutral value
 */
export function suiteThreatModel(suite: Suite, index: number, label: string): SuiteThreatModel {
  const {
    norm,
    epsilon,
    transform: given,
    curve,
    target,
    given: limits,
  } = suite.threatModels[index]!
  const where = `${label}#/threatModels/${index}`
  const sizes = curve?.map((size, place) => parseEpsilon(size, `${where}/curve/${place}`))
  // The schema of the suite has been checked.
  const transform = given as Transform | undefined
  if (transform) checkTransform(transform, `${where}/transform`)
  if (limits !== undefined) {
    checkGiven(suite, index, where)
    return {
      norm,
      epsilon: 0,
      given: limits,
      ...(target !== undefined && { target: target }),
    }
  }
  if (norm === 'L0') checkPixels([epsilon, ...(curve ?? [])], transform, where)
  const alone = transform !== undefined && (epsilon === undefined || Number(epsilon) === 0)
  return {
    norm,
    epsilon: alone ? 0 : parseEpsilon(epsilon, `${where}/epsilon`),
    ...(transform && { transform }),
    // The schema has checked it.
    ...(target !== undefined && { target: target }),
    ...(sizes && { curve: sizes.toSorted((a, b) => a - b) }),
  }
}

/** Limits that the data gives take the place of ε, curve, and transform. */
function checkGiven(suite: Suite, index: number, where: string): void {
  const { norm, epsilon, transform, curve, given } = suite.threatModels[index]!
  const stray = Object.entries({ epsilon, transform, curve }).find(
    ([, value]) => value !== undefined,
  )
  if (stray) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}/${stray[0]}: expected none, because the data gives the limits (${given})`,
    )
  }
  if (given === 'box' && norm !== 'Linf') {
    throw new ConfigError('ROBENCH_CONFIG', `${where}/norm: expected Linf for boxes, got ${norm}`)
  }
}

/** In L0, epsilons are whole numbers of pixels, and transforms are not supported. */
function checkPixels(
  epsilons: readonly unknown[],
  transform: Transform | undefined,
  where: string,
): void {
  const fraction = epsilons.find((epsilon) => !Number.isInteger(Number(epsilon)))
  if (transform === undefined && fraction === undefined) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    transform
      ? `${where}/transform: expected none in L0: a transform changes every pixel`
      : `${where}/epsilon: expected a whole number of pixels in L0, got ${String(fraction)}`,
  )
}

/**
 * The threat model on data with these bounds and images of this shape.
 * @param where place of the threat model, for messages
 * @throws ConfigError for an epsilon, or a size of the curve, that is out of range
 */
export function withBounds(
  { norm, epsilon: stated, transform, target, given, curve = [] }: NumberedThreatModel,
  data: Pick<Dataset, 'shape' | 'limits' | 'count' | 'rows'>,
  bounds: ThreatModel['bounds'],
  where: string,
): ThreatModel {
  const { shape } = data
  const epsilon = given === undefined ? stated : largestGiven(given, data, where)
  const main = { norm, epsilon, bounds, ...(given && { given }) }
  requireEpsilonInRange(main, shape, `${where}/epsilon`)
  if (given === 'epsilons' && data.limits?.epsilons) {
    const least = data.limits.epsilons.reduce((a, b) => Math.min(a, b), Infinity)
    requireEpsilonInRange({ norm, epsilon: least, bounds }, shape, `${where}/epsilon`)
  }
  for (const size of curve) {
    requireEpsilonInRange({ norm, epsilon: size, bounds }, shape, `${where}/curve`, {
      isCurve: true,
    })
  }
  return {
    norm,
    epsilon,
    bounds,
    ...(transform && { transform }),
    ...(target !== undefined && { target }),
    ...(given !== undefined && { given }),
  }
}

/** The largest ε that the data gives, or distance of a corner of a box from its input. */
function largestGiven(
  given: NonNullable<ThreatModel['given']>,
  { limits, count, rows }: Pick<Dataset, 'limits' | 'count' | 'rows'>,
  where: string,
): number {
  const { epsilons, box } = limits ?? {}
  let largest = 0
  if (given === 'epsilons' && epsilons) return epsilons.reduce((a, b) => Math.max(a, b), 0)
  if (given === 'box' && box) {
    for (let row = 0; row < count; row++) {
      const { data } = rows([row])
      const start = row * data.length
      for (let i = 0; i < data.length; i++) {
        const [low, high] = [box.lower[start + i]!, box.upper[start + i]!]
        largest = Math.max(largest, data[i]! - low, high - data[i]!)
      }
    }
    return largest
  }
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${where}/given: the data has no ${given}; set dataset.${given}`,
  )
}

/**
 * Checks the limits of a transform.
 * @param shape `[channels, height, width]` of the data; absent if it is not known yet
 * @throws ConfigError for limits that its kind rejects, or that do not fit the data, such as colors
 * of grayscale images
 */
export function checkTransform(
  transform: Transform,
  where: string,
  shape?: readonly number[],
): void {
  const problem = transformRecord(transform.kind).check(transform, shape && [1, ...shape])
  if (problem === undefined) return
  throw new ConfigError('ROBENCH_CONFIG', `${where}${problem.pointer}: ${problem.message}`)
}
