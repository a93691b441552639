/** Noise corruptions, which change each value independently. */
import type { RandomStream } from '../../../../core/api/plugin.ts'
import { defineCorruption } from './corruption-record.ts'
import { mapValues } from './image.ts'

/** Adds normal noise. */
export const gaussianNoise = defineCorruption({
  id: 'gaussian-noise',
  family: 'noise',
  constants: [
    { deviation: 0.04 },
    { deviation: 0.06 },
    { deviation: 0.08 },
    { deviation: 0.09 },
    { deviation: 0.1 },
  ],
  apply: (image, { deviation }, stream) =>
    mapValues(image, (value) => value + deviation * stream.normal()),
})

/** Replaces values by Poisson counts of photons, `photons` on average for white. */
export const shotNoise = defineCorruption({
  id: 'shot-noise',
  family: 'noise',
  constants: [
    { photons: 500 },
    { photons: 250 },
    { photons: 100 },
    { photons: 75 },
    { photons: 50 },
  ],
  apply: (image, { photons }, stream) =>
    mapValues(image, (value) => poisson(photons * value, stream) / photons),
})

/** Sets a fraction of the values to 0 or 1 (salt and pepper), independently per channel. */
export const impulseNoise = defineCorruption({
  id: 'impulse-noise',
  family: 'noise',
  constants: [
    { amount: 0.01 },
    { amount: 0.02 },
    { amount: 0.03 },
    { amount: 0.05 },
    { amount: 0.07 },
  ],
  apply: (image, { amount }, stream) =>
    mapValues(image, (value) => {
      if (stream.uniform() >= amount) return value
      return stream.uniform() < 0.5 ? 1 : 0
    }),
})

/** Adds normal noise proportional to the value. */
export const speckleNoise = defineCorruption({
  id: 'speckle-noise',
  family: 'noise',
  constants: [
    { deviation: 0.06 },
    { deviation: 0.1 },
    { deviation: 0.12 },
    { deviation: 0.16 },
    { deviation: 0.2 },
  ],
  apply: (image, { deviation }, stream) =>
    mapValues(image, (value) => value + value * deviation * stream.normal()),
})

/** ln k! for each possible mode, up to 500 photons. */
const logFactorials = cumulativeLogarithms(500)

function cumulativeLogarithms(last: number): Float64Array {
  const sums = new Float64Array(last + 1)
  for (let k = 1; k <= last; k++) sums[k] = sums[k - 1]! + Math.log(k)
  return sums
}

/**
 * Draws a Poisson number from one uniform number: subtracts the probabilities from it one by one,
 * from the mode outward, until it is negative (Kemp and Kemp 1991).
 * @param mean at most 500
 */
export function poisson(mean: number, stream: RandomStream): number {
  if (mean <= 0) return 0
  const mode = Math.floor(mean)
  const atMode = Math.exp(mode * Math.log(mean) - mean - logFactorials[mode]!)
  let rest = stream.uniform() - atMode
  let [below, above] = [mode, mode]
  let [chanceBelow, chanceAbove] = [atMode, atMode]
  // If rounding leaves a remainder of a number near 1, both probabilities eventually reach zero.
  while (rest >= 0 && chanceBelow + chanceAbove > 0) {
    chanceAbove *= mean / ++above
    rest -= chanceAbove
    if (rest < 0) return above
    chanceBelow *= below / mean
    below -= 1
    rest -= chanceBelow
    if (rest < 0) return below
  }
  return mode
}
