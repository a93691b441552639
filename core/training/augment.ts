/** Augmentation of small images: a random crop from a zero-padded image, and a random flip. */
import type { RandomStream } from '../base/random.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'

/** The random changes of training images. */
export interface Augmentation {
  /** Zero padding on every side before a crop of the original size; 0 for none. */
  readonly crop: number
  /** Flip left and right with probability 1/2. */
  readonly flip: boolean
}

/** Augments images `[n, c, h, w]` in place. @param random returns the stream of a row */
export function augment(
  images: FloatTensor,
  { crop, flip }: Augmentation,
  random: (row: number) => RandomStream,
): void {
  const [count, channels, height, width] = images.shape as [number, number, number, number]
  const size = channels * height * width
  if (crop === 0 && !flip) return
  const source = new Float32Array(size)
  for (let row = 0; row < count; row++) {
    const stream = random(row)
    const down = crop === 0 ? 0 : stream.integer(2 * crop + 1) - crop
    const right = crop === 0 ? 0 : stream.integer(2 * crop + 1) - crop
    const mirrored = flip && stream.integer(2) === 1
    if (down === 0 && right === 0 && !mirrored) continue
    const image = images.data.subarray(row * size, (row + 1) * size)
    source.set(image)
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        const fromY = y + down
        const line = (c * height + y) * width
        const fromLine = (c * height + fromY) * width
        for (let x = 0; x < width; x++) {
          const fromX = (mirrored ? width - 1 - x : x) + right
          const inside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width
          image[line + x] = inside ? source[fromLine + fromX]! : 0
        }
      }
    }
  }
}
