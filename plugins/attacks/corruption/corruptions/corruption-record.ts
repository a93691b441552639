/** The record of a corruption: constants at five severities and a function that uses them. */
import type { RandomStream } from '../../../../core/api/plugin.ts'
import type { CorruptionId } from '../../../../core/api/transforms.ts'
import { clip, cutToByte, mapValues, roundToByte } from './image.ts'
import type { Image } from './image.ts'

/** The four groups of the paper. */
export type CorruptionFamily = 'noise' | 'blur' | 'weather' | 'digital'

/** From 1 (mild) to 5 (severe). */
export type Severity = 1 | 2 | 3 | 4 | 5

/** All severities, ascending. */
export const severities = [1, 2, 3, 4, 5] as const satisfies readonly Severity[]

/** Constants by name. Lengths are in pixels; pixel values are in [0, 1]. */
export type Constants = Readonly<Record<string, number>>

/** One item for each severity, from 1 to 5. */
export type BySeverity<T> = readonly [T, T, T, T, T]

/** A corruption, ready to be applied. */
export interface Corruption {
  readonly id: CorruptionId
  readonly family: CorruptionFamily
  readonly constants: BySeverity<Constants>
  /**
   * Returns the corrupted image, of the same size. Values may be outside [0, 1]. The result
   * depends on the arguments only.
   */
  apply(image: Image, severity: Severity, stream: RandomStream): Image
}

/** Defines a corruption. `apply` receives the constants of the chosen severity. */
export function defineCorruption<const Id extends CorruptionId, C extends Constants>(
  definition: Omit<Corruption, 'id' | 'constants' | 'apply'> & {
    readonly id: Id
    readonly constants: BySeverity<C>
    readonly apply: (image: Image, constants: C, stream: RandomStream) => Image
  },
): Corruption & { readonly id: Id } {
  const { constants, apply } = definition
  return Object.freeze({
    ...definition,
    apply: (image: Image, severity: Severity, stream: RandomStream) =>
      apply(image, constants[severity - 1]!, stream),
  })
}

/** Options of `corrupt`. */
export interface CorruptOptions {
  readonly severity: Severity
  readonly stream: RandomStream
  /**
   * Round the image to 8 bits first, and truncate the result to 8 bits (the published images are
   * truncated, not rounded). Steps that work in 8 bits, such as JPEG, do so in either case.
   */
  readonly quantize: boolean
}

/** Corrupts one image. Values of the result are in [0, 1]. */
export function corrupt(corruption: Corruption, image: Image, options: CorruptOptions): Image {
  const { severity, stream, quantize } = options
  const start = quantize ? mapValues(image, roundToByte) : image
  return mapValues(corruption.apply(start, severity, stream), quantize ? cutToByte : clip)
}

/** Draws a number uniform in [low, high). */
export function between(stream: RandomStream, low: number, high: number): number {
  return low + (high - low) * stream.uniform()
}
