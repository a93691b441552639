/** The input of Square's proposals, and the size of their squares. */
import type { Ball } from '../../../core/api/attack.ts'
import type { RandomStream } from '../../../core/api/plugin.ts'

/** The input and output of a proposal. */
export interface SquareProposal {
  readonly ball: Ball
  /** The best point so far. */
  readonly best: Float32Array
  readonly shape: readonly [channels: number, height: number, width: number]
  /** Side of the square in pixels, from 1 to the shorter side of the image. */
  readonly side: number
  readonly stream: RandomStream
  /** Receives the proposed point before projection. */
  readonly output: Float64Array
  /** Holds the best point, and receives the proposed point. */
  readonly point: Float32Array
}

/**
 * The side in pixels of a square that covers a fraction of the image.
 * @param least the smallest side; with 3, sides are odd
 */
export function squareSide(
  [, height, width]: readonly [number, number, number],
  fraction: number,
  least: 1 | 3,
): number {
  const side = Math.max(Math.round(Math.sqrt(fraction * height * width)), least)
  const allowed = least === 3 && side % 2 === 0 ? side + 1 : side
  return Math.min(allowed, height, width)
}

/** Draws +1 or −1 with equal probability. */
export function randomSign(stream: RandomStream): 1 | -1 {
  return stream.integer(2) === 0 ? 1 : -1
}
