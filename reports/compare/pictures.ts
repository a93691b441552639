/** Pictures of the examples in which two results differ. */
import { PNG } from 'pngjs'
import type { Dataset } from '../../core/data/dataset.ts'
import type { ComparedEntry, ComparedMeasure } from './compare.ts'
import type { ExamplePictures, MeasurePictures } from './formats.ts'

/** The adversarial example of one example as `[c, h, w]`; undefined if it was not saved. */
export type PointSource = (measure: ComparedMeasure, example: number) => Float32Array | undefined

/** Where pictures come from. */
export interface PictureSources {
  readonly dataset: Dataset
  readonly base: PointSource
  readonly head: PointSource
  /** Pictures per measure and direction. */
  readonly most: number
}

/** The pictures of every measure of an entry. */
export function picturesOf(
  { measures }: ComparedEntry,
  sources: PictureSources,
): Map<ComparedMeasure, MeasurePictures> {
  return new Map(
    measures.map((measure) => [
      measure,
      {
        broken: measure.newlyBroken
          .slice(0, sources.most)
          .map((example) => pictureOf(measure, example, sources)),
        held: measure.newlyHeld
          .slice(0, sources.most)
          .map((example) => pictureOf(measure, example, sources)),
      },
    ]),
  )
}

function pictureOf(
  measure: ComparedMeasure,
  example: number,
  { dataset, base, head }: PictureSources,
): ExamplePictures {
  const { shape, labels, classNames } = dataset
  const label = classNames[labels[example]!] ?? String(labels[example])
  const own = base(measure, example)
  const other = head(measure, example)
  return {
    example,
    label,
    clean: pngUri(dataset.rows([example]).data, shape),
    ...(own && { base: pngUri(own, shape) }),
    ...(other && { head: pngUri(other, shape) }),
  }
}

/** An image `[c, h, w]` in [0, 1] as a PNG in a data URI; one channel is gray, more are RGB. */
export function pngUri(
  image: Float32Array,
  shape: readonly [channels: number, height: number, width: number],
): string {
  return `data:image/png;base64,${pngBytes(image, shape).toString('base64')}`
}

/** An image `[c, h, w]` in [0, 1] as the bytes of a PNG; one channel is gray, more are RGB. */
export function pngBytes(
  image: Float32Array,
  [channels, height, width]: readonly [channels: number, height: number, width: number],
): Buffer {
  const png = new PNG({ width, height })
  const area = width * height
  for (let p = 0; p < area; p++) {
    for (let c = 0; c < 3; c++) {
      const value = image[(channels < 3 ? 0 : c) * area + p]!
      png.data[4 * p + c] = Math.round(255 * Math.min(1, Math.max(0, value)))
    }
    png.data[4 * p + 3] = 255
  }
  // Without transparency, and gray if it is.
  return PNG.sync.write(png, { colorType: channels < 3 ? 0 : 2, deflateLevel: 6 })
}
