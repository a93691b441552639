/** What a corruption is: constants at five severities, and a function of image, constants and random numbers. */
import type { RandomStream } from '../../../../core/api/plugin.ts'
import { clip, cutToByte, mapValues, roundToByte } from './image.ts'
import type { Image } from './image.ts'

/** The groups of the paper. */
export type CorruptionFamily = 'noise' | 'blur' | 'weather' | 'digital'

export type Severity = 1 | 2 | 3 | 4 | 5

export const severities = [1, 2, 3, 4, 5] as const satisfies readonly Severity[]

/** Constants by name; lengths are in pixels, values in units of the range from 0 to 1. */
export type Constants = Readonly<Record<string, number>>

export type BySeverity<T> = readonly [T, T, T, T, T]

export interface Corruption {
  /** As the published file, with hyphens: `gaussian-noise`. */
  readonly id: string
  readonly family: CorruptionFamily
  /** `benchmark`: one of the 15 that count; `extra`: one of the 4 meant for tuning. */
  readonly set: 'benchmark' | 'extra'
  /** What it does, in one line. */
  readonly summary: string
  readonly constants: BySeverity<Constants>
  /** The corrupted image, of the same size; values may lie beyond 0 and 1. Depends on nothing but its arguments. */
  apply(image: Image, severity: Severity, stream: RandomStream): Image
}

/** A corruption whose function sees the constants of the severity. */
export function defineCorruption<const Id extends string, C extends Constants>(
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

export interface CorruptOptions {
  readonly severity: Severity
  readonly stream: RandomStream
  /**
   * Take the image to the nearest 8-bit values first, and cut the result to 8 bits (towards zero: the published images were
   * cut, not rounded). Steps that are 8-bit by themselves, such as JPEG, stay so without it.
   */
  readonly quantize: boolean
}

/** One image corrupted, its values within 0 and 1. */
export function corrupt(corruption: Corruption, image: Image, options: CorruptOptions): Image {
  const { severity, stream, quantize } = options
  const start = quantize ? mapValues(image, roundToByte) : image
  return mapValues(corruption.apply(start, severity, stream), quantize ? cutToByte : clip)
}

/** A number uniform in [low, high). */
export function between(stream: RandomStream, low: number, high: number): number {
  return low + (high - low) * stream.uniform()
}
