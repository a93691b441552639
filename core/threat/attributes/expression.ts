/** T of the threat model `attribute`, as an expression. */
import { ConfigError } from '../../base/errors.ts'
import { formatShape } from '../../engine/graph/dim.ts'
import { g } from '../../engine/graph/graph.ts'
import type { Value } from '../../engine/graph/value.ts'
import { attributeNames } from '../attributes.ts'
import type { AttributeName } from '../attributes.ts'
import { roundDown, roundUp } from '../rounding.ts'
import { brighten, changeContrast, saturate, turnHue } from './colors.ts'
import { resample } from './resample.ts'

/** Each `[n]` float32, in the attribute's unit. */
export type AttributeValues = Readonly<Partial<Record<AttributeName, Value>>>

/** Attributes that only images of red, green and blue have. */
const ofColor: ReadonlySet<AttributeName> = new Set(['hue', 'saturation'])

/**
 * Images with natural attributes changed in the order of `attributes`, then clipped to the bounds.
 * Pixels outside the image are black: the lower bound. Attributes that are left out cost nothing;
 * neutral values return an image within the bounds bit for bit.
 * Differentiable in images and values.
 * @param images `[n, c, h, w]` with known c, h, w; red, green, blue for hue and saturation
 * @throws ConfigError ROBENCH_CONFIG for hue or saturation of images without three channels
 */
export function attributeTransform(
  images: Value,
  values: AttributeValues,
  bounds: readonly [low: number, high: number],
): Value {
  const [low, high] = [roundUp(bounds[0]), roundDown(bounds[1])]
  const { rotation, scale, translationX, translationY, hue, saturation, contrast, brightness } =
    values
  const problem = missingColors(
    attributeNames.filter((name) => values[name] !== undefined),
    images.shape,
  )
  if (problem !== undefined) throw new ConfigError('ROBENCH_CONFIG', problem)
  let x = images
  if (rotation ?? scale ?? translationX ?? translationY) {
    x = resample(x, { rotation, scale, translationX, translationY }, low)
  }
  if (hue) x = turnHue(x, hue)
  if (saturation) x = saturate(x, saturation)
  if (contrast) x = changeContrast(x, contrast)
  if (brightness) x = brighten(x, brightness)
  return g.clip(x, low, high)
}

/** Why images of shape `[n, c, h, w]` cannot have one of the attributes; undefined if they can. */
export function missingColors(
  names: readonly AttributeName[],
  shape: readonly (number | string)[],
): string | undefined {
  const name = names.find((item) => ofColor.has(item))
  if (name === undefined || shape[1] === 3) return undefined
  return (
    `the attribute "${name}" needs images of red, green and blue, got ${formatShape(shape)}; ` +
    `leave hue and saturation out of the threat model's ranges`
  )
}
