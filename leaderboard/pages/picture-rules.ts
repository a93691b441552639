/** Whether the pictures of an example agree with each other and with the threat model. */
import { PNG } from 'pngjs'
import type { LeaderboardEntry } from '../entry-type.ts'
import { differenceFactor } from './example-images.ts'
import type { ExamplePicture } from './examples-schema.ts'

/** Largest side of a picture, in pixels. */
const mostPixels = 1024

/** Gray levels by which rounding to 8 bits moves the difference of two pixels, at most. */
const rounding = 1

/** Gray levels by which it moves a pixel of the enlarged difference: both pixels, and its own. */
const enlargedRounding = differenceFactor * rounding + 1

type Images = ExamplePicture['images']

/** Gray levels of a picture, `[h, w, channels]`. */
interface Pixels {
  readonly channels: 1 | 3
  readonly levels: Uint8Array
}

/**
 * What is wrong with the pictures of an example, with its position; undefined if nothing is.
 * @param known size of the pictures, such as `32 × 32`; undefined if all sizes are taken
 */
export function imageProblem(
  { images }: Pick<ExamplePicture, 'images'>,
  threatModel: LeaderboardEntry['threatModel'],
  known?: string,
): string | undefined {
  let size = known
  const found: Partial<Record<keyof Images, Pixels>> = {}
  for (const name of ['clean', 'adversarial', 'difference', 'spectrum'] as const) {
    const read = readPixels(images[name])
    if ('problem' in read) return `/images/${name}: ${read.problem}`
    size ??= read.size
    if (size !== read.size) return `/images/${name}: must have ${size} pixels`
    found[name] = read
  }
  const { clean, adversarial, difference } = found
  return agreementProblem(clean!, adversarial!, difference!, threatModel)
}

function readPixels(
  image: string,
): { readonly problem: string } | (Pixels & { readonly size: string }) {
  try {
    const bytes = Buffer.from(image, 'base64')
    // The header, before the pixels are unpacked.
    const [width, height, color] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes[25]]
    if (Math.max(width, height) > mostPixels) {
      return { problem: `must have at most ${mostPixels} × ${mostPixels} pixels` }
    }
    const { data } = PNG.sync.read(bytes)
    if (color !== 0 && color !== 2) return { problem: 'must be gray or RGB, without transparency' }
    const channels = color === 0 ? 1 : 3
    const levels = new Uint8Array(width * height * channels)
    for (let p = 0; p < width * height; p++) {
      levels.set(data.subarray(4 * p, 4 * p + channels), p * channels)
    }
    return { size: `${width} × ${height}`, channels, levels }
  } catch {
    return { problem: 'must be a PNG in base64' }
  }
}

function agreementProblem(
  clean: Pixels,
  adversarial: Pixels,
  difference: Pixels,
  threatModel: LeaderboardEntry['threatModel'],
): string | undefined {
  for (const [name, other] of Object.entries({ adversarial, difference })) {
    if (other.channels === clean.channels) continue
    return `/images/${name}: must be ${clean.channels === 1 ? 'gray' : 'RGB'}, as the clean picture`
  }
  const limit = largestChange(threatModel)
  for (let at = 0; at < clean.levels.length; at++) {
    const change = adversarial.levels[at]! - clean.levels[at]!
    if (Math.abs(change) > limit + rounding) {
      return (
        `/images/adversarial: must be within ε of the clean picture, ${limit.toFixed(1)} of 255 ` +
        `gray levels; differs by ${Math.abs(change)}`
      )
    }
    const expected = Math.min(255, Math.max(0, 127.5 + differenceFactor * change))
    if (Math.abs(difference.levels[at]! - expected) > enlargedRounding) {
      return (
        `/images/difference: must be ${differenceFactor} times the difference of the other two ` +
        `around middle gray, ${Math.round(expected)} at value ${at}; got ${difference.levels[at]}`
      )
    }
  }
  return undefined
}

/**
 * Gray levels by which a value may change: ε in Linf, L2, and L1, where no single value changes by
 * more. In L0 and around a transform of the image, any.
 */
function largestChange({
  norm,
  epsilon,
  bounds,
  transform,
}: LeaderboardEntry['threatModel']): number {
  if (norm === 'L0' || transform) return 255
  return Math.min(255, (255 * epsilon) / (bounds[1] - bounds[0]))
}
