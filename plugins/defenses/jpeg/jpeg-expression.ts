/** The lossy part of JPEG as an expression. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { chrominanceSteps, luminanceSteps, scaledSteps } from '../../jpeg-quantization.ts'
import { mirrored } from '../protection/input-transformation.ts'

/** Side of a block in pixels. */
const side = 8

/** Rows: Y, Cb, Cr of (R, G, B), without the offset of 128 (ITU-T T.871). */
const toLumaChroma = [
  [0.299, 0.587, 0.114],
  [-0.168736, -0.331264, 0.5],
  [0.5, -0.418688, -0.081312],
].flat()
const fromLumaChroma = [
  [1, 0, 1.402],
  [1, -0.344136, -0.714136],
  [1, 1.772, 0],
].flat()

/**
 * Images after compression: conversion to YCbCr if they have 3 channels, a cosine transform of
 * blocks of 8 × 8 pixels, rounding of each coefficient to a multiple of its step, and the inverses.
 * Other images are coded as gray channels. Pixels are not rounded to 8 bits and chroma is not
 * subsampled. Sizes that are no multiple of 8 get mirrored margins, which are removed afterwards.
 * @param images `[n, c, h, w]` in [0, 1]
 * @param quality 1 to 100
 * @returns not clipped
 */
export function jpegRoundTrip(images: Value, quality: number): Value {
  const [channels, height, width] = images.shape.slice(1).map(Number) as [number, number, number]
  const hasColor = channels === 3
  const missing = (size: number): number => (side - (size % side)) % side
  const padded = mirrored(images, 0, [missing(height), missing(width)])
  const samples = g.mul(padded, 255)
  // The cosine coefficients of the offset of 128 are zero but in luminance and gray.
  const colors = hasColor ? mixChannels(samples, toLumaChroma) : samples
  const luminance = Array.from(scaledSteps(luminanceSteps, quality))
  const chrominance = Array.from(scaledSteps(chrominanceSteps, quality))
  const steps = Array.from({ length: channels }, (_, channel) =>
    hasColor && channel > 0 ? chrominance : luminance,
  ).flat()
  const offset = g.floats(
    [channels, 1, 1],
    Array.from({ length: channels }, (_, channel) => (hasColor && channel > 0 ? 0 : 128)),
  )
  const decoded = g.add(
    codeBlocks(g.sub(colors, offset), g.floats([channels, 1, side * side], steps)),
    offset,
  )
  const pixels = g.div(hasColor ? mixChannels(decoded, fromLumaChroma) : decoded, 255)
  return g.slice(pixels, [0, 0], [height, width], [2, 3])
}

/** Rounds the cosine coefficients of each block to multiples of their steps `[c, 1, 64]`. */
function codeBlocks(samples: Value, steps: Value): Value {
  const [channels, height, width] = samples.shape.slice(1).map(Number) as [number, number, number]
  const [rows, columns] = [height / side, width / side]
  const cosines = blockCosines()
  const split = g.reshape(samples, [-1, channels, rows, side, columns, side])
  const blocks = g.reshape(g.transpose(split, [0, 1, 2, 4, 3, 5]), [
    -1,
    channels,
    rows * columns,
    side * side,
  ])
  const coefficients = g.matMul(blocks, g.transpose(cosines, [1, 0]))
  const rounded = g.mul(g.op('Round', [g.div(coefficients, steps)])[0]!, steps)
  const back = g.reshape(g.matMul(rounded, cosines), [-1, channels, rows, columns, side, side])
  return g.reshape(g.transpose(back, [0, 1, 2, 4, 3, 5]), [-1, channels, height, width])
}

/** `[64, 64]`: each row an orthonormal cosine of a block. */
function blockCosines(): Value {
  const cosine = (k: number, i: number): number =>
    Math.sqrt((k === 0 ? 1 : 2) / side) * Math.cos((Math.PI * (2 * i + 1) * k) / (2 * side))
  const places = Array.from(
    { length: side * side },
    (_, at) => [Math.floor(at / side), at % side] as const,
  )
  return g.floats(
    [side * side, side * side],
    places.flatMap(([u, v]) => places.map(([i, j]) => cosine(u, i) * cosine(v, j))),
  )
}

/** Each output channel as a weighted sum of the channels. @param weights `[3, 3]` */
function mixChannels(x: Value, weights: readonly number[]): Value {
  return g.conv(x, g.floats([3, 3, 1, 1], weights))
}
