/** Rotation, scale and translation in one: a bilinear resampling, as an expression. */
import { g } from '../../engine/graph/graph.ts'
import type { Value } from '../../engine/graph/value.ts'

/** Where the image goes: each `[n]`, in the units of `attributes`; what is left out costs nothing. */
export interface Placement {
  readonly rotation?: Value | undefined
  readonly scale?: Value | undefined
  readonly translationX?: Value | undefined
  readonly translationY?: Value | undefined
}

/** Fill on the left of and above the image, and on the right and below: where the corners of a place just outside lie. */
const before = 1
const after = 2

/**
 * The image rotated about its center, then scaled about it, then moved: every pixel of the result is read at the place of the image
 * that it comes from, between four pixels where that is no whole number. Outside the image all is `fill`.
 *
 * Differentiable in image and placement. At whole places, where bilinear interpolation has a kink, the derivative is that towards the
 * right and down, not zero: an ascent that starts at the neutral placement gets off it. The neutral placement gives the image, bit by bit.
 * @param images `[n, c, h, w]`, sizes but n known
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

/** Column and row, each `[n, h·w]`, that each pixel of the result is read at: the inverse of where the image goes. */
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
  // Beyond the first pixel of the fill all places are alike.
  return [g.clip(g.add(x, centerX), -before, width), g.clip(g.add(y, centerY), -before, height)]
}

function between(a: Value, b: Value, share: Value): Value {
  return g.add(a, g.mul(share, g.sub(b, a)))
}
