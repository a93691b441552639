/** Elastic deformation: a random affine map, then a random smooth displacement. */
import type { RandomStream } from '../../../../core/api/plugin.ts'
import { between } from './corruption-record.ts'
import { smooth } from './filters.ts'
import { makeLayer } from './image.ts'
import type { Image } from './image.ts'
import { sampleLinear } from './resample.ts'

/** Constants of an elastic deformation, in pixels. */
export interface Elasticity {
  /** Factor of the smoothed displacements, which are drawn from [−1, 1). */
  readonly amplitude: number
  /** Standard deviation of the smoothing. */
  readonly smoothness: number
  /** Largest shift of each of the three corners of the affine map, along each axis. */
  readonly shift: number
}

/** Deforms an image by a random affine map and a random displacement field (Simard et al. 2003). */
export function deform(
  image: Image,
  { amplitude, smoothness, shift }: Elasticity,
  stream: RandomStream,
): Image {
  const sourceOf = randomAffine(image, shift, stream)
  const mapped = sampleLinear(image, 'mirror', sourceOf)
  const displacements = (): Float64Array => {
    const noise = makeLayer(image, () => between(stream, -1, 1))
    const field = smooth(noise, smoothness, { border: 'reflect', truncate: 3 })
    return field.data.map((value) => amplitude * value)
  }
  const [right, down] = [displacements(), displacements()]
  return sampleLinear(mapped, 'reflect', (y, x) => {
    const place = y * image.width + x
    return [y + down[place]!, x + right[place]!]
  })
}

type Point = readonly [x: number, y: number]
type Corners = readonly [Point, Point, Point]

/**
 * Maps each output pixel to its source under a random affine map. The map takes three corners of a
 * square in the middle of the image to randomly shifted places.
 */
function randomAffine(
  { height, width }: Image,
  shift: number,
  stream: RandomStream,
): (y: number, x: number) => readonly [y: number, x: number] {
  const [x0, y0] = [Math.floor(width / 2), Math.floor(height / 2)]
  const reach = Math.max(1, Math.floor(Math.min(height, width) / 3))
  const corners: Corners = [
    [x0 + reach, y0 + reach],
    [x0 + reach, y0 - reach],
    [x0 - reach, y0 - reach],
  ]
  const shifted = ([x, y]: Point): Point => [
    x + between(stream, -shift, shift),
    y + between(stream, -shift, shift),
  ]
  const moved = [shifted(corners[0]), shifted(corners[1]), shifted(corners[2])] as const
  return affineThrough(moved, corners)
}

/**
 * The affine map that takes the points `from` to the points `to`. It is the identity if the points
 * `from` are collinear, which happens in tiny images.
 */
function affineThrough(
  from: Corners,
  to: Corners,
): (y: number, x: number) => readonly [y: number, x: number] {
  const [[originX, originY], first, second] = from
  const [ax, ay] = [first[0] - originX, first[1] - originY]
  const [bx, by] = [second[0] - originX, second[1] - originY]
  const area = ax * by - bx * ay
  if (Math.abs(area) < 1e-6) return (y, x) => [y, x]
  // p = origin + s·a + t·b maps to the same combination of the points `to`.
  return (y, x) => {
    const [dx, dy] = [x - originX, y - originY]
    const s = (dx * by - bx * dy) / area
    const t = (ax * dy - dx * ay) / area
    const along = (axis: 0 | 1): number =>
      to[0][axis] + s * (to[1][axis] - to[0][axis]) + t * (to[2][axis] - to[0][axis])
    return [along(1), along(0)]
  }
}
