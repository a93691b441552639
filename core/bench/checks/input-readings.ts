/** Other ways to read the inputs and outputs of a model, for the probe that tries them. */
import { commonNormalizations } from '../../data/normalizations.ts'
import type { Normalization } from '../../data/normalizations.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { tensor } from '../../engine/tensor/tensor.ts'
import type { ModelManifest } from '../../model/manifest.ts'

/** A way to read the same images. */
export interface InputReading {
  /** Completes "the accuracy would be 91 % …". */
  readonly hint: string
  /** The images to pass to the model in place of the given ones, `[n, c, h, w]`. */
  apply(images: FloatTensor): FloatTensor
}

/** Images of at most this height are more likely to be normalized as CIFAR-10 is. */
const smallHeight = 64

/** Largest number of readings, each of which costs a forward pass per example. */
export const mostReadings = 9

/**
 * The readings that apply to images of a shape.
 * @param shape `[channels, height, width]`
 * @param current the normalization and the bounds of the manifest
 */
export function inputReadings(
  shape: readonly number[],
  current: Pick<ModelManifest, 'mean' | 'std'> & Partial<Pick<ModelManifest, 'bounds'>> = {},
): InputReading[] {
  const [channels = 1, height = 1, width = 1] = shape
  const given: Normalization = {
    mean: perChannel(current.mean, channels, 0),
    std: perChannel(current.std, channels, 1),
  }
  const isNormalized = current.mean !== undefined || current.std !== undefined
  const normalizations = [
    ...(height > smallHeight ? commonNormalizations.toReversed() : commonNormalizations).filter(
      ({ mean }) => mean.length === channels,
    ),
    // To [−1, 1], and to [0, 255].
    { mean: perChannel([0.5], channels, 0), std: perChannel([0.5], channels, 1) },
    { mean: perChannel([0], channels, 0), std: perChannel([0.003922], channels, 1) },
    // For a file that expects [0, 1].
    noNormalization(channels),
  ]
    .map((wanted) => inUnitsOf(current.bounds ?? [0, 1], wanted))
    .filter((wanted) => !isNone(wanted))
  return [
    ...(isNormalized
      ? [normalized('without --mean and --std', noNormalization(channels), given)]
      : []),
    ...normalizations.map((wanted) =>
      normalized(
        `with --mean ${wanted.mean.join(',')} --std ${wanted.std.join(',')}`,
        wanted,
        given,
      ),
    ),
    ...(channels === 3
      ? [moved('with the channels in the order BGR', (c, y, x) => [2 - c, y, x])]
      : []),
    ...(height === width && height > 1
      ? [moved('with rows and columns exchanged', (c, y, x) => [c, x, y])]
      : []),
    ...(channels > 1
      ? [moved('with pixels in the order height, width, channels', channelsLast(shape))]
      : []),
    ...(channels === 1
      ? [normalized('with light and dark exchanged', { mean: [1], std: [-1] }, given)]
      : []),
  ]
}

/** A normalization of pixels in [0, 1] for pixels in other bounds. */
function inUnitsOf([low, high]: readonly [number, number], { mean, std }: Normalization) {
  const width = high - low
  const rounded = (value: number): number => Number(value.toPrecision(4))
  return {
    mean: mean.map((value) => rounded(low + width * value)),
    std: std.map((value) => rounded(width * value)),
  }
}

/** Whether a normalization changes nothing, up to the rounding of its numbers. */
function isNone({ mean, std }: Normalization): boolean {
  return mean.every((value) => value === 0) && std.every((value) => Math.abs(value - 1) < 1e-3)
}

function noNormalization(channels: number): Normalization {
  return { mean: perChannel(undefined, channels, 0), std: perChannel(undefined, channels, 1) }
}

/** One number per channel from one for all, from one each, or from none. */
function perChannel(
  values: readonly number[] | undefined,
  channels: number,
  none: number,
): readonly number[] {
  return Array.from(
    { length: channels },
    (_, c) => (values?.length === channels ? values[c] : values?.[0]) ?? none,
  )
}

/** Images that the given normalization maps to what the wanted one makes of the originals. */
function normalized(hint: string, wanted: Normalization, given: Normalization): InputReading {
  return {
    hint,
    apply({ data, shape }) {
      const channels = given.mean.length
      const plane = shape[2]! * shape[3]!
      const changed = data.map((value, i) => {
        const c = Math.floor(i / plane) % channels
        const wished = (value - wanted.mean[c]!) / wanted.std[c]!
        return wished * given.std[c]! + given.mean[c]!
      })
      return tensor('float32', shape, changed)
    },
  }
}

type Place = readonly [channel: number, row: number, column: number]

/** Images whose component at a place is the original's at another place. */
function moved(hint: string, from: (c: number, y: number, x: number) => Place): InputReading {
  return {
    hint,
    apply({ data, shape }) {
      const [count = 0, channels = 1, height = 1, width = 1] = shape
      const changed = new Float32Array(data.length)
      let i = 0
      for (let n = 0; n < count; n++) {
        for (let c = 0; c < channels; c++) {
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              const [fromC, fromY, fromX] = from(c, y, x)
              changed[i++] = data[((n * channels + fromC) * height + fromY) * width + fromX]!
            }
          }
        }
      }
      return tensor('float32', shape, changed)
    },
  }
}

/** For a file that flattens images in the order height, width, channels. */
function channelsLast([channels = 1, height = 1, width = 1]: readonly number[]) {
  return (c: number, y: number, x: number): Place => {
    const index = (c * height + y) * width + x
    const pixel = Math.floor(index / channels)
    return [index % channels, Math.floor(pixel / width), pixel % width]
  }
}
