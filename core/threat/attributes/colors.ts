/** Hue, saturation, contrast, brightness as expressions x + change, which is 0 if neutral. */
import { g } from '../../engine/graph/graph.ts'
import type { Value } from '../../engine/graph/value.ts'

/** Weights of red, green and blue in the luminance Y (ITU-R BT.601). */
export const luminanceShares = [0.299, 0.587, 0.114] as const

/** Factors of B − Y and R − Y in U and V (PAL, NTSC). */
const shareOfU = 0.492111
const shareOfV = 0.877283

/**
 * Rotates the chroma (I, Q) of YIQ by `hue` `[n]` degrees, from red toward green; the luminance
 * does not change. (I, Q) is (U, V) = (0.492·(B − Y), 0.877·(R − Y)) rotated by 33°, so rotating
 * (U, V) by the same angle is equivalent.
 * @param images `[n, 3, h, w]`
 */
export function turnHue(images: Value, hue: Value): Value {
  const angle = perImage(g.mul(hue, Math.PI / 180))
  const cosine = g.op('Cos', [angle])[0]!
  const sine = g.op('Sin', [angle])[0]!
  const chroma = g.sub(images, luminance(images))
  const [red, , blue] = [0, 1, 2].map((channel) => g.slice(chroma, [channel], [channel + 1], [1]))
  // A quarter turn: V becomes U, and U becomes −V; the change of green preserves the luminance.
  const turnedRed = g.mul(blue!, shareOfU / shareOfV)
  const turnedBlue = g.mul(red!, -shareOfV / shareOfU)
  const [shareOfRed, shareOfGreen, shareOfBlue] = luminanceShares
  const turnedGreen = g.add(
    g.mul(turnedRed, -shareOfRed / shareOfGreen),
    g.mul(turnedBlue, -shareOfBlue / shareOfGreen),
  )
  const turned = g.concat([turnedRed, turnedGreen, turnedBlue], 1)
  return g.add(images, g.add(g.mul(g.sub(cosine, 1), chroma), g.mul(sine, turned)))
}

/** Y + s·(x − Y): gray at 0. @param images `[n, 3, h, w]`; @param saturation s `[n]` */
export function saturate(images: Value, saturation: Value): Value {
  return spread(images, luminance(images), saturation)
}

/**
 * m + c·(x − m), with m the mean of all pixels and channels of the image.
 * @param images `[n, c, h, w]` @param contrast c `[n]`
 */
export function changeContrast(images: Value, contrast: Value): Value {
  return spread(images, g.reduceMean(images, [1, 2, 3], true), contrast)
}

/** x + b. @param images `[n, c, h, w]`; @param brightness b `[n]` */
export function brighten(images: Value, brightness: Value): Value {
  return g.add(images, perImage(brightness))
}

function spread(images: Value, about: Value, factor: Value): Value {
  return g.add(images, g.mul(perImage(g.sub(factor, 1)), g.sub(images, about)))
}

/** `[n, 1, h, w]` */
function luminance(images: Value): Value {
  return g.reduceSum(g.mul(images, g.floats([3, 1, 1], luminanceShares)), [1], true)
}

/** `[n]` to `[n, 1, 1, 1]` */
function perImage(value: Value): Value {
  return g.unsqueeze(value, [1, 2, 3])
}
