/** What windowed passes remember of a point: the positions of a cut, and those that the last question changed. */
import { RobenchError } from '../../base/errors.ts'
import type { AskedPoint, KnownPoint } from '../model.ts'

/** Numbers of rows and columns, or a place among them. */
export type Pair = readonly [rows: number, columns: number]

/** Positions `[rows, columns, c]` of a cut, from a first one on. */
export interface Positions {
  readonly data: Float32Array
  readonly first: Pair
  readonly count: Pair
}

export class CachedPoint implements KnownPoint {
  /** `[rows, columns, c]`, of the point that was kept last, if they are known. */
  kept: Float32Array | undefined
  /** Of the point that was asked about last: those that its window reached, or all, if any are known. */
  asked: Positions | undefined
  /** What the shelf holds: a copy of that, with these positions laid over it. */
  #copied: Float32Array | undefined
  #overlaid: Positions | undefined
  readonly #width: number
  readonly #channels: number

  /** @param width columns of the cut */
  constructor(width: number, channels: number) {
    this.#width = width
    this.#channels = channels
  }

  keep(): void {
    if (!this.asked) this.kept = undefined
    else if (this.kept) this.#write(this.asked, this.kept)
    else this.kept = this.asked.data.slice()
    this.asked = undefined
  }

  /** Makes of a shelf the positions of the point that was asked about last. @param isOwn whether it holds what this left there before */
  lay(shelf: Float32Array, isOwn: boolean): void {
    const kept = this.kept!
    if (!isOwn || this.#copied !== kept) shelf.set(kept)
    else if (this.#overlaid) this.#restore(this.#overlaid, shelf)
    this.#write(this.asked!, shelf)
    this.#copied = kept
    this.#overlaid = this.asked
  }

  #write({ data, first, count }: Positions, output: Float32Array): void {
    const length = count[1] * this.#channels
    for (let row = 0; row < count[0]; row++) {
      output.set(data.subarray(row * length, (row + 1) * length), this.#at(first, row))
    }
  }

  #restore({ first, count }: Positions, shelf: Float32Array): void {
    const length = count[1] * this.#channels
    for (let row = 0; row < count[0]; row++) {
      const at = this.#at(first, row)
      shelf.set(this.kept!.subarray(at, at + length), at)
    }
  }

  #at(first: Pair, row: number): number {
    return ((first[0] + row) * this.#width + first[1]) * this.#channels
  }
}

/** @throws RobenchError ROBENCH_GRAPH if points and questions do not fit together, or a window is not inside the images `[n, c, h, w]` */
export function checkAsked(
  asked: readonly AskedPoint[],
  [count, , height, width]: readonly number[],
): asserts asked is readonly (AskedPoint & { readonly known: CachedPoint })[] {
  if (asked.length !== count) {
    throw misused(`expected one entry for each of ${count} points, got ${asked.length}`)
  }
  for (const { known, window } of asked) {
    if (!(known instanceof CachedPoint)) {
      throw misused('expected known points that know() gave, got another object')
    }
    if (!window) continue
    const { top, left, side } = window
    const isWhole = [top, left, side].every(Number.isInteger)
    const isInside = Math.min(top, left) >= 0 && top + side <= height! && left + side <= width!
    if (isWhole && side > 0 && isInside) continue
    throw misused(
      `expected a window inside the image of ${height} × ${width}, got one of side ${side} at row ${top}, column ${left}`,
    )
  }
}

function misused(reason: string): RobenchError {
  return new RobenchError('ROBENCH_GRAPH', `windowed passes: ${reason}`)
}
