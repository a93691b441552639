/** Rotation, scale and translation as one bilinear resampling, as an expression. */
import { g } from '../../engine/graph/graph.ts'
import type { Value } from '../../engine/graph/value.ts'

/** Placement of the image: each `[n]`, in the units of `attributes`; omitted ones cost nothing. */
export interface Placement {
  readonly rotation?: Value | undefined
  readonly scale?: Value | undefined
  readonly translationX?: Value | undefined
  readonly translationY?: Value | undefined
}

/** Fill on each side of the image, for the corners of positions just outside it. */
const before = 1
const after = 2

/**
 * The image rotated about its center, scaled about it, and translated. Each output pixel is read
 * from its source position, by bilinear interpolation; outside the image the value is `fill`.
 *
 * Differentiable in image and placement. At integer positions, where bilinear interpolation has a
 * kink, the derivative is the one-sided one to the right and down, so that an ascent can leave the
 * neutral placement. The neutral placement returns the image bit for bit.
 * @param images `[n, c, h, w]` with known c, h, w
 */
export function resample(images: Value, placement: Placement, fill: number): Value {
  const [, channels, height, width] = images.shape as readonly [unknown, number, number, number]
  const [across, down] = sources(placement, height, width)
  const left = g.op('Floor', [across])[0]!
  const top = g.op('Floor', [down])[0]!
  const rowLength = width + before + after
  const [padded] = g.op('Pad', [
    images,
    g.integers([0, 0, before, before, 0, 0, after, after]),
    g.scalar(fill),
  ])
  const pixels = g.reshape(padded!, [-1, channels, (height + before + after) * rowLength])
  const first = g.add(g.mul(g.add(top, before), rowLength), g.add(left, before))
  const perChannel = g.integers(Array.from({ length: channels }, () => 0))
  // [n, 1, h·w] and [c, 1] give [n, c, h·w].
  const places = g.add(g.unsqueeze(g.cast(first, 'int64'), [1]), g.unsqueeze(perChannel, [1]))
  const pixelAt = (offset: number): Value =>
    g.op('GatherElements', [pixels, offset === 0 ? places : g.add(places, offset)], { axis: 2 })[0]!
  const rightShare = g.unsqueeze(g.sub(across, left), [1])
  const lowerShare = g.unsqueeze(g.sub(down, top), [1])
  const upper = between(pixelAt(0), pixelAt(1), rightShare)
  const lower = between(pixelAt(rowLength), pixelAt(rowLength + 1), rightShare)
  return g.reshapeLike(between(upper, lower, lowerShare), images)
}

/** Source column and row of each output pixel, each `[n, h·w]`: the inverse of the placement. */
function sources(
  { rotation, scale, translationX, translationY }: Placement,
  height: number,
  width: number,
): readonly [across: Value, down: Value] {
  const centerX = (width - 1) / 2
  const centerY = (height - 1) / 2
  const pixels = Array.from({ length: height * width }, (_, i) => i)
  let x = g.floats(
    [1, pixels.length],
    pixels.map((i) => (i % width) - centerX),
  )
  let y = g.floats(
    [1, pixels.length],
    pixels.map((i) => Math.floor(i / width) - centerY),
  )
  if (translationX) x = g.sub(x, g.unsqueeze(translationX, [1]))
  if (translationY) y = g.sub(y, g.unsqueeze(translationY, [1]))
  if (scale) {
    x = g.div(x, g.unsqueeze(scale, [1]))
    y = g.div(y, g.unsqueeze(scale, [1]))
  }
  if (rotation) {
    // Rows count down, so a counter-clockwise turn takes (1, 0) to (0, −1).
    const angle = g.unsqueeze(g.mul(rotation, Math.PI / 180), [1])
    const cosine = g.op('Cos', [angle])[0]!
    const sine = g.op('Sin', [angle])[0]!
    const turned = g.sub(g.mul(x, cosine), g.mul(y, sine))
    y = g.add(g.mul(x, sine), g.mul(y, cosine))
    x = turned
  }
  // Beyond the first pixel of the fill, all positions give the same value.
  return [g.clip(g.add(x, centerX), -before, width), g.clip(g.add(y, centerY), -before, height)]
}

function between(a: Value, b: Value, share: Value): Value {
  return g.add(a, g.mul(share, g.sub(b, a)))
}
