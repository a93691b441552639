/** Random crops and flips as products with matrices, so that gradients pass through them. */
import { g } from '../engine/graph/graph.ts'
import type { Value } from '../engine/graph/value.ts'
import { float32, type FloatTensor } from '../engine/tensor/tensor.ts'
import type { RandomStream } from '../base/random.ts'
import { drawView, type Augmentation } from './augment.ts'

/** Matrices of 0 and 1 that move the pixels of each image; see `applyViews`. */
export interface Views<T> {
  /** `[n, 1, h, h]`. */
  readonly rows: T
  /** `[n, 1, w, w]`. */
  readonly columns: T
}

/**
 * Draws a crop and a flip for each example. With the same streams, `applyViews` moves pixels as
 * `augment` does.
 * @param random the stream of an example
 */
export function drawViews(
  count: number,
  [height, width]: readonly [height: number, width: number],
  augmentation: Augmentation,
  random: (example: number) => RandomStream,
): Views<FloatTensor> {
  const rows = new Float32Array(count * height * height)
  const columns = new Float32Array(count * width * width)
  for (let example = 0; example < count; example++) {
    const { down, right, mirrored } = drawView(random(example), augmentation)
    for (let y = 0; y < height; y++) {
      const from = y + down
      if (from >= 0 && from < height) rows[(example * height + y) * height + from] = 1
    }
    for (let x = 0; x < width; x++) {
      const from = (mirrored ? width - 1 - x : x) + right
      if (from >= 0 && from < width) columns[(example * width + from) * width + x] = 1
    }
  }
  return {
    rows: float32([count, 1, height, height], rows),
    columns: float32([count, 1, width, width], columns),
  }
}

/** Moves the pixels of images `[n, c, h, w]`; pixels from outside are 0. */
export function applyViews(images: Value, { rows, columns }: Views<Value>): Value {
  return g.matMul(g.matMul(rows, images), columns)
}
