/** Augmentation of small images: a random crop from a zero-padded image, and a random flip. */
import type { RandomStream } from '../base/random.ts'
import { float32, type FloatTensor } from '../engine/tensor/tensor.ts'

/** The random changes of training images. */
export interface Augmentation {
  /** Zero padding on every side before a crop of the original size; 0 for none. */
  readonly crop: number
  /** Flip left and right with probability 1/2. */
  readonly flip: boolean
}

/** Where the pixels of an augmented image come from. */
export interface View {
  /** Pixel (y, x) comes from (y + down, x + right), counted before a flip. */
  readonly down: number
  readonly right: number
  readonly mirrored: boolean
}

/** Draws the crop and flip of one image. */
export function drawView(stream: RandomStream, { crop, flip }: Augmentation): View {
  const down = crop === 0 ? 0 : stream.integer(2 * crop + 1) - crop
  const right = crop === 0 ? 0 : stream.integer(2 * crop + 1) - crop
  return { down, right, mirrored: flip && stream.integer(2) === 1 }
}

/** Augments images `[n, c, h, w]` in place. @param random returns the stream of a row */
export function augment(
  images: FloatTensor,
  augmentation: Augmentation,
  random: (row: number) => RandomStream,
): void {
  const [count, channels, height, width] = images.shape as [number, number, number, number]
  const size = channels * height * width
  if (augmentation.crop === 0 && !augmentation.flip) return
  const source = new Float32Array(size)
  for (let row = 0; row < count; row++) {
    const { down, right, mirrored } = drawView(random(row), augmentation)
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

/**
 * Sets a square of each image to 0, at a center that is uniform in the image (DeVries and Taylor
 * 2017, arXiv:1708.04552), in place. @param random returns the stream of a row
 */
export function cutout(
  images: FloatTensor,
  size: number,
  random: (row: number) => RandomStream,
): void {
  const [count, channels, height, width] = images.shape as [number, number, number, number]
  const half = Math.floor(size / 2)
  for (let row = 0; row < count; row++) {
    const stream = random(row)
    const top = stream.integer(height) - half
    const left = stream.integer(width) - half
    const [from, to] = [Math.max(left, 0), Math.min(left + size, width)]
    for (let c = 0; c < channels; c++) {
      for (let y = Math.max(top, 0); y < Math.min(top + size, height); y++) {
        const line = ((row * channels + c) * height + y) * width
        images.data.fill(0, line + from, line + to)
      }
    }
  }
}

/** The result of `mixup`. */
export interface Mixup {
  readonly images: FloatTensor
  /** The example that each was mixed with. */
  readonly partners: Uint32Array
  /** The weight of the own image and label, in [0, 1]. */
  readonly weight: number
}

/**
 * λ·x + (1 − λ)·x[partner] with one λ ~ Beta(α, α) for the batch (Zhang et al. 2018,
 * arXiv:1710.09412). The loss is mixed with the same weights. @param alpha above 0
 */
export function mixup(images: FloatTensor, alpha: number, random: RandomStream): Mixup {
  const count = images.shape[0]!
  const size = images.data.length / count
  const partners = random.permutation(count)
  const first = gamma(alpha, random)
  const weight = first / (first + gamma(alpha, random))
  const data = Float32Array.from(images.data, (value, i) => {
    const other = images.data[partners[Math.floor(i / size)]! * size + (i % size)]!
    return weight * value + (1 - weight) * other
  })
  return { images: float32(images.shape, data), partners, weight }
}

/** A draw of the gamma distribution with scale 1 (Marsaglia and Tsang 2000). */
function gamma(shape: number, random: RandomStream): number {
  if (shape < 1) {
    const boost = (1 - random.uniform()) ** (1 / shape)
    return gamma(shape + 1, random) * boost
  }
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = random.normal()
    const v = (1 + c * x) ** 3
    const accepts = Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)
    if (v > 0 && accepts) return d * v
  }
}
