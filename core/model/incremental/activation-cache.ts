/** Cached activations of one search at the cut of a network. */

/** A row and a column, or numbers of them. */
export type Pair = readonly [rows: number, columns: number]

/** A rectangle of activations `[rows, columns, c]` at the cut. */
export interface ActivationRegion {
  readonly data: Float32Array
  readonly origin: Pair
  readonly size: Pair
}

/** The activations of the accepted point, and those that the latest query changed. */
export class ActivationCache {
  /** `[rows, columns, c]` of the accepted point; undefined if unknown. */
  #accepted: Float32Array | undefined
  /** The region that the latest query computed; undefined if it computed none. */
  #latest: ActivationRegion | undefined
  /** The last output of `writeLatest`: this base, overwritten in this region. */
  #writtenBase: Float32Array | undefined
  #writtenRegion: ActivationRegion | undefined
  readonly #columns: number
  readonly #channels: number

  /** @param columns of the value at the cut */
  constructor(columns: number, channels: number) {
    this.#columns = columns
    this.#channels = channels
  }

  /** Whether the activations of the accepted point are known. */
  get isFilled(): boolean {
    return this.#accepted !== undefined
  }

  /**
   * Records a query.
   * @param region all of the cut, or the part that can differ from the accepted point; undefined if
   *   the query did not compute the cut
   */
  record(region: ActivationRegion | undefined): void {
    this.#latest = region
  }

  /** Makes the latest query's point the accepted one. */
  accept(): void {
    if (!this.#latest) this.#accepted = undefined
    else if (this.#accepted) this.#copyRegion(this.#latest, this.#accepted)
    else this.#accepted = this.#latest.data.slice()
    this.#latest = undefined
  }

  /**
   * Writes all activations of the latest query's point.
   * @param output `[rows, columns, c]`
   * @param isUnchanged whether it still holds what this method wrote there last: then only the
   *   regions that differ are written
   */
  writeLatest(output: Float32Array, isUnchanged: boolean): void {
    const accepted = this.#accepted!
    if (!isUnchanged || this.#writtenBase !== accepted) output.set(accepted)
    else if (this.#writtenRegion) this.#restoreRegion(this.#writtenRegion, output)
    this.#copyRegion(this.#latest!, output)
    this.#writtenBase = accepted
    this.#writtenRegion = this.#latest
  }

  #copyRegion({ data, origin, size }: ActivationRegion, output: Float32Array): void {
    const length = size[1] * this.#channels
    for (let row = 0; row < size[0]; row++) {
      output.set(data.subarray(row * length, (row + 1) * length), this.#offset(origin, row))
    }
  }

  #restoreRegion({ origin, size }: ActivationRegion, output: Float32Array): void {
    const length = size[1] * this.#channels
    for (let row = 0; row < size[0]; row++) {
      const at = this.#offset(origin, row)
      output.set(this.#accepted!.subarray(at, at + length), at)
    }
  }

  #offset(origin: Pair, row: number): number {
    return ((origin[0] + row) * this.#columns + origin[1]) * this.#channels
  }
}
