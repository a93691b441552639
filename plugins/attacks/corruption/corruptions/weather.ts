/** Weather corruptions: snow, frost, fog, brightness, spatter. */
import { changeBrightness, grayOf, inkOf } from './color.ts'
import { between, defineCorruption } from './corruption-record.ts'
import { drawFrost } from './frost-texture.ts'
import { cutToByte, makeLayer, mapPixels, mapValues } from './image.ts'
import { smear } from './motion-blur.ts'
import { drawPlasma } from './plasma.ts'
import { magnify } from './resample.ts'
import { mudMask, waterMask } from './spatter-mask.ts'

/** Adds flakes blurred along their fall and whitens the image. */
export const snow = defineCorruption({
  id: 'snow',
  family: 'weather',
  constants: [
    { mean: 0.1, deviation: 0.2, zoom: 1, threshold: 0.6, radius: 8, spread: 3, kept: 0.95 },
    { mean: 0.1, deviation: 0.2, zoom: 1, threshold: 0.5, radius: 10, spread: 4, kept: 0.9 },
    { mean: 0.15, deviation: 0.3, zoom: 1.75, threshold: 0.55, radius: 10, spread: 4, kept: 0.9 },
    { mean: 0.25, deviation: 0.3, zoom: 2.25, threshold: 0.6, radius: 12, spread: 6, kept: 0.85 },
    { mean: 0.3, deviation: 0.3, zoom: 1.25, threshold: 0.65, radius: 14, spread: 12, kept: 0.8 },
  ],
  apply(image, { mean, deviation, zoom, threshold, radius, spread, kept }, stream) {
    const noise = makeLayer(image, () => mean + deviation * stream.normal())
    const flakes = mapValues(magnify(noise, zoom), (value) =>
      value < threshold ? 0 : cutToByte(value),
    )
    const angle = between(stream, -135, -45)
    const { data } = smear(flakes, { radius, deviation: spread, angle })
    const grays = grayOf(image)
    return mapPixels(image, (value, _, place) => {
      const white = Math.max(value, 1.5 * grays[place]! + 0.5)
      // The flakes are added twice, the second time rotated by 180°.
      return kept * value + (1 - kept) * white + data[place]! + data[data.length - 1 - place]!
    })
  },
})

/** Blends ice into the image; textures are procedural, so not comparable with published numbers. */
export const frost = defineCorruption({
  id: 'frost',
  family: 'weather',
  constants: [
    { kept: 1, ice: 0.2 },
    { kept: 1, ice: 0.3 },
    { kept: 0.9, ice: 0.4 },
    { kept: 0.85, ice: 0.4 },
    { kept: 0.75, ice: 0.45 },
  ],
  apply(image, { kept, ice }, stream) {
    const { data } = drawFrost(image, stream)
    // Thin ice is blue, thick ice white.
    const ink = inkOf(image, [0.75, 0.88, 1])
    return mapPixels(image, (value, channel, place) => {
      const thickness = data[place]!
      const tint = ink(channel) + (1 - ink(channel)) * thickness
      return kept * value + ice * thickness * tint
    })
  },
})

/** Adds plasma clouds and rescales the result to the range of the image. */
export const fog = defineCorruption({
  id: 'fog',
  family: 'weather',
  constants: [
    { strength: 0.2, decay: 3 },
    { strength: 0.5, decay: 3 },
    { strength: 0.75, decay: 2.5 },
    { strength: 1, decay: 2 },
    { strength: 1.5, decay: 1.75 },
  ],
  apply(image, { strength, decay }, stream) {
    const clouds = drawPlasma(image, decay, stream)
    const brightest = image.data.reduce((most, value) => Math.max(most, value), 0)
    const scale = brightest / (brightest + strength)
    return mapPixels(image, (value, _, place) => (value + strength * clouds.data[place]!) * scale)
  },
})

/** Adds to the V channel of HSV. */
export const brightness = defineCorruption({
  id: 'brightness',
  family: 'weather',
  constants: [{ added: 0.05 }, { added: 0.1 }, { added: 0.15 }, { added: 0.2 }, { added: 0.3 }],
  apply: (image, { added }) => changeBrightness(image, added),
})

/** Pale turquoise. */
const water = [175 / 255, 238 / 255, 238 / 255] as const
/** Brown. */
const mud = [63 / 255, 42 / 255, 20 / 255] as const

/** Splashes water (severities 1 to 3) or mud (4 and 5) onto the lens. */
export const spatter = defineCorruption({
  id: 'spatter',
  family: 'weather',
  // Mud has soft edges; water has none.
  constants: [
    { mean: 0.62, deviation: 0.1, blur: 0.7, threshold: 0.7, strength: 0.5, edge: 0 },
    { mean: 0.65, deviation: 0.1, blur: 0.8, threshold: 0.7, strength: 0.5, edge: 0 },
    { mean: 0.65, deviation: 0.3, blur: 1, threshold: 0.69, strength: 0.5, edge: 0 },
    { mean: 0.65, deviation: 0.1, blur: 0.7, threshold: 0.69, strength: 1, edge: 0.6 },
    { mean: 0.65, deviation: 0.1, blur: 0.5, threshold: 0.68, strength: 1, edge: 0.6 },
  ],
  apply(image, constants, stream) {
    const { mean, deviation, strength, edge } = constants
    const noise = makeLayer(image, () => mean + deviation * stream.normal())
    if (edge > 0) {
      const { data } = mudMask(noise, constants)
      const ink = inkOf(image, mud)
      return mapPixels(image, (value, channel, place) => {
        const cover = strength * data[place]!
        return value * (1 - cover) + ink(channel) * cover
      })
    }
    const { data } = waterMask(noise, constants)
    const ink = inkOf(image, water)
    return mapPixels(
      image,
      (value, channel, place) => value + strength * data[place]! * ink(channel),
    )
  },
})
