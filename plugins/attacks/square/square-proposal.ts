/** What the proposals of Square have in common. */
import type { Ball } from '../../../core/api/attack.ts'
import type { RandomStream } from '../../../core/api/plugin.ts'

/** What a proposal works with. */
export interface SquareProposal {
  readonly ball: Ball
  /** The best point so far. */
  readonly best: Float32Array
  readonly shape: readonly [channels: number, height: number, width: number]
  /** Side of the patch in pixels, from 1 to the shorter side of the image. */
  readonly side: number
  readonly stream: RandomStream
  /** Gets the proposed point before it is projected. */
  readonly output: Float64Array
  /** Holds the best point, and gets the proposed one. */
  readonly point: Float32Array
}

/** Side of a patch that covers such a fraction of the image, in whole pixels. */
export function squareSide(
  [, height, width]: readonly [number, number, number],
  fraction: number,
  least: 1 | 3,
): number {
  const side = Math.max(Math.round(Math.sqrt(fraction * height * width)), least)
  const allowed = least === 3 && side % 2 === 0 ? side + 1 : side
  return Math.min(allowed, height, width)
}

/** +1 or −1, equally likely. */
export function randomSign(stream: RandomStream): 1 | -1 {
  return stream.integer(2) === 0 ? 1 : -1
}
