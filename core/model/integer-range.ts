/** Refuses images that an integer input cannot hold. */
import { ConfigError } from '../base/errors.ts'
import { significant } from '../base/figures.ts'
import type { DType } from '../engine/tensor/tensor.ts'
import type { FileDescription } from './file-description.ts'
import type { ModelManifest } from './manifest.ts'

const ranges: Partial<Record<DType, readonly [low: number, high: number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
}

/**
 * Checks that the bounds, normalized, are in the range of the input's type. What a cast makes of
 * other numbers depends on the processor.
 * @throws ConfigError ROBENCH_CONFIG if they are not
 */
export function checkIntegerRange(
  { inputType, inputShape: [channels] }: Pick<FileDescription, 'inputType' | 'inputShape'>,
  { bounds, mean, std }: ModelManifest,
  name: string,
): void {
  const range = ranges[inputType]
  if (!range) return
  const ends = Array.from({ length: channels }, (_, channel) =>
    bounds.map((bound) => (bound - (mean?.[channel] ?? 0)) / (std?.[channel] ?? 1)),
  ).flat()
  const [low, high] = [Math.min(...ends), Math.max(...ends)]
  // They are rounded before the cast.
  if (low >= range[0] - 0.5 && high <= range[1] + 0.5) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${name}: the input is ${inputType}, which holds ${range[0]} to ${range[1]}, but the images ` +
      `that the file gets reach from ${significant(low)} to ${significant(high)}; ` +
      'check bounds, mean, and std (--bounds, --mean, --std)',
  )
}
