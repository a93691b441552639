/**
 * Procedural frost textures: mist, ridges where fronts of ice meet, and needles that branch at 60°.
 * The authors' code blends crops of photographs of frost instead, which robench does not include.
 */
import type { RandomStream } from '../../../../core/api/plugin.ts'
import { between } from './corruption-record.ts'
import { clip, makeLayer } from './image.ts'
import type { Image } from './image.ts'
import { drawPlasma } from './plasma.ts'

/** Pixels along a needle between two pairs of side branches. */
const branchSpacing = 4
/** Length of a side branch as a fraction of the rest of its needle; also dims the branch. */
const branchShare = 0.45
/** Needles per pixel: 7 in an image of 32 × 32 pixels. */
const density = 7 / (32 * 32)

/** Draws a layer of values from 0 (clear) to 1 (thick ice). */
export function drawFrost(size: Pick<Image, 'height' | 'width'>, stream: RandomStream): Image {
  const mist = drawPlasma(size, 2.5, stream)
  const fronts = drawPlasma(size, 1.8, stream)
  const needles = makeLayer(size, () => 0)
  const count = Math.max(2, Math.round(density * size.height * size.width))
  for (let i = 0; i < count; i++) {
    grow(needles, {
      y: stream.uniform() * size.height,
      x: stream.uniform() * size.width,
      angle: between(stream, 0, 2 * Math.PI),
      length: between(stream, 8, 22),
      brightness: between(stream, 0.4, 0.9),
    })
  }
  let index = 0
  return makeLayer(size, () => {
    const ridge = 1 - Math.abs(2 * fronts.data[index]! - 1)
    const value = 0.15 + 0.5 * mist.data[index]! + 0.35 * ridge ** 4 + 0.7 * needles.data[index]!
    index += 1
    return clip(value)
  })
}

interface Needle {
  readonly y: number
  readonly x: number
  readonly angle: number
  readonly length: number
  readonly brightness: number
}

/** Draws a needle that fades toward its tip, and its side branches. Short needles do not branch. */
function grow(layer: Image, needle: Needle): void {
  const { angle, length, brightness } = needle
  for (let along = 0; along < length; along++) {
    const y = needle.y + along * Math.sin(angle)
    const x = needle.x + along * Math.cos(angle)
    const rest = 1 - along / length
    dot(layer, y, x, brightness * (0.35 + 0.65 * rest))
    if (length < 2 * branchSpacing || along % branchSpacing !== branchSpacing - 1) continue
    for (const side of [-1, 1]) {
      grow(layer, {
        y,
        x,
        angle: angle + (side * Math.PI) / 3,
        length: branchShare * length * rest,
        brightness: brightness * (1 - branchShare / 2),
      })
    }
  }
}

/**
 * Spreads a dot over the four nearest pixels. Each pixel takes the maximum of old and new value.
 */
function dot({ height, width, data }: Image, y: number, x: number, brightness: number): void {
  const [top, left] = [Math.floor(y), Math.floor(x)]
  for (const row of [top, top + 1]) {
    for (const column of [left, left + 1]) {
      if (row < 0 || row >= height || column < 0 || column >= width) continue
      const share = (1 - Math.abs(y - row)) * (1 - Math.abs(x - column))
      const place = row * width + column
      data[place] = Math.max(data[place]!, brightness * Math.min(1, 1.5 * share))
    }
  }
}
