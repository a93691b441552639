/** A random size and position of images as an expression. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'

/**
 * Images shrunk to s × s pixels by linear interpolation and placed in zeros of the original size.
 * s is uniform in {smallest, …, h}, and the position uniform among those inside; both are drawn per
 * example.
 * @param images square, `[n, c, h, h]`
 * @param random uniform in [0, 1), in the shape of the images; its first three elements are used
 */
export function randomlyResized(images: Value, random: Value, smallest: number): Value {
  const side = Number(images.shape[2])
  const draws = g.reshape(random, [-1, Number(images.shape[1]) * side * side, 1])
  // Each `[n, 1, 1]`.
  const [forSize, forTop, forLeft] = [0, 1, 2].map((k) => g.slice(draws, [k], [k + 1], [1]))
  const size = g.add(floor(g.mul(forSize!, side - smallest + 1)), smallest)
  const positions = g.add(g.sub(g.neg(size), -side), 1)
  const rows = interpolation(size, floor(g.mul(forTop!, positions)), side)
  const columns = interpolation(size, floor(g.mul(forLeft!, positions)), side)
  const perChannel = (matrix: Value): Value => g.unsqueeze(matrix, [1])
  return g.matMul(g.matMul(perChannel(rows), images), perChannel(g.transpose(columns, [0, 2, 1])))
}

/**
 * The matrix `[n, side, side]` that maps a line of pixels to the resized one: pixel centers are
 * aligned, so row r of the s new ones reads position (r + ½)·side/s − ½, clipped to the line.
 * @param size s, and @param first the position of the first new pixel, both `[n, 1, 1]`
 */
function interpolation(size: Value, first: Value, side: number): Value {
  const numbers = Array.from({ length: side }, (_, i) => i)
  const places = g.floats([side, 1], numbers)
  const sources = g.floats([side], numbers)
  const row = g.sub(places, first)
  const center = g.sub(g.div(g.mul(g.add(row, 0.5), side), size), 0.5)
  // Linear interpolation weighs a pixel by 1 − its distance.
  const weights = g.relu(g.sub(1, g.abs(g.sub(g.clip(center, 0, side - 1), sources))))
  const inside = g.and(g.greater(row, -0.5), g.less(row, g.sub(size, 0.5)))
  return g.where(inside, weights, 0)
}

function floor(x: Value): Value {
  return g.op('Floor', [x])[0]!
}
