/**
 * Resizing and cropping of 8-bit images, bit for bit as Pillow does: two passes, the rows first,
 * with weights in fixed point and values rounded to 8 bits between them.
 */
import type { ImageSettings, Picture } from './settings.ts'

/** An interpolation kernel, zero beyond its support. */
interface Kernel {
  readonly support: number
  at(x: number): number
}

const kernels: Readonly<Record<'bilinear' | 'bicubic', Kernel>> = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  // Keys' cubic with a = −0.5.
  bicubic: {
    support: 2,
    at(signed) {
      const x = Math.abs(signed)
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
    },
  },
}

/** Fraction bits of weights. */
const precision = 2 ** 22

/** Resizes, then crops the center, as `settings` say. */
export function fitPicture(picture: Picture, settings: ImageSettings): Picture {
  const { resize, crop, size, filter = 'bilinear' } = settings
  let fitted = picture
  if (resize !== undefined) {
    const { width, height } = picture
    // torchvision rounds the longer side down.
    const [newWidth, newHeight] =
      width <= height
        ? [resize, Math.floor((resize * height) / width)]
        : [Math.floor((resize * width) / height), resize]
    fitted = resizePicture(fitted, newWidth, newHeight, filter)
  }
  if (size) fitted = resizePicture(fitted, size[1]!, size[0]!, filter)
  return crop === undefined ? fitted : cropCenter(fitted, crop)
}

/** An image resized to a width and height; unchanged if it has them. */
export function resizePicture(
  picture: Picture,
  width: number,
  height: number,
  filter: NonNullable<ImageSettings['filter']>,
): Picture {
  const kernel = kernels[filter]
  const rows = width === picture.width ? picture : resizeRows(picture, width, kernel)
  if (height === picture.height) return rows
  return transposed(resizeRows(transposed(rows), height, kernel))
}

/** Weights of the source pixels of one target pixel. */
interface Weights {
  readonly first: number
  /** Whole numbers, in units of 1 / `precision`. */
  readonly values: readonly number[]
}

function weightsOf(from: number, to: number, { support, at }: Kernel): Weights[] {
  const scale = from / to
  const widening = Math.max(1, scale)
  const reach = support * widening
  return Array.from({ length: to }, (_, target) => {
    const center = (target + 0.5) * scale
    const first = Math.max(0, Math.trunc(center - reach + 0.5))
    const end = Math.min(from, Math.trunc(center + reach + 0.5))
    const exact = Array.from({ length: end - first }, (_, i) =>
      at((i + first - center + 0.5) / widening),
    )
    const sum = exact.reduce((total, weight) => total + weight, 0)
    const values = exact.map((weight) => {
      const fixed = (sum === 0 ? weight : weight / sum) * precision
      return Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
    })
    return { first, values }
  })
}

/** Each row resized to a width. */
function resizeRows(picture: Picture, width: number, kernel: Kernel): Picture {
  const { height, channels, data } = picture
  const weights = weightsOf(picture.width, width, kernel)
  const resized = new Uint8Array(width * height * channels)
  for (let row = 0; row < height; row++) {
    const start = row * picture.width
    for (let column = 0; column < width; column++) {
      const { first, values } = weights[column]!
      const target = (row * width + column) * channels
      for (let c = 0; c < channels; c++) {
        let sum = precision / 2
        for (let k = 0; k < values.length; k++) {
          sum += values[k]! * data[(start + first + k) * channels + c]!
        }
        resized[target + c] = Math.min(255, Math.max(0, Math.floor(sum / precision)))
      }
    }
  }
  return { width, height, channels, data: resized }
}

function transposed({ width, height, channels, data }: Picture): Picture {
  const turned = new Uint8Array(data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        turned[(x * height + y) * channels + c] = data[(y * width + x) * channels + c]!
      }
    }
  }
  return { width: height, height: width, channels, data: turned }
}

/** The central square; black where the image is smaller, as torchvision pads. */
export function cropCenter(picture: Picture, side: number): Picture {
  const { width, height, channels, data } = picture
  const top = offset(height, side)
  const left = offset(width, side)
  const cropped = new Uint8Array(side * side * channels)
  for (let y = 0; y < side; y++) {
    const sourceY = y + top
    if (sourceY < 0 || sourceY >= height) continue
    for (let x = 0; x < side; x++) {
      const sourceX = x + left
      if (sourceX < 0 || sourceX >= width) continue
      for (let c = 0; c < channels; c++) {
        cropped[(y * side + x) * channels + c] = data[(sourceY * width + sourceX) * channels + c]!
      }
    }
  }
  return { width: side, height: side, channels, data: cropped }
}

/** Half of the difference; torchvision rounds halves to even, and pads less before than after. */
function offset(length: number, side: number): number {
  if (length < side) return -Math.floor((side - length) / 2)
  const half = (length - side) / 2
  const down = Math.floor(half)
  return half - down < 0.5 ? down : half - down > 0.5 || down % 2 === 1 ? down + 1 : down
}

/** Gray as Pillow computes it (ITU-R BT.601 in fixed point), or gray repeated as RGB. */
export function withChannels(picture: Picture, channels: 1 | 3): Picture {
  if (picture.channels === channels) return picture
  const { data } = picture
  const pixels = picture.width * picture.height
  const converted = new Uint8Array(pixels * channels)
  for (let i = 0; i < pixels; i++) {
    if (channels === 3) converted.fill(data[i]!, 3 * i, 3 * i + 3)
    else {
      const luminance = 19595 * data[3 * i]! + 38470 * data[3 * i + 1]! + 7471 * data[3 * i + 2]!
      converted[i] = (luminance + 0x8000) >> 16
    }
  }
  return { ...picture, channels, data: converted }
}
