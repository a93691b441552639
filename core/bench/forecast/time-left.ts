/** The time of open work on several workers, and the time left as a display shows it. */

/**
 * Time until all work is completed, if each free worker takes the next piece.
 * @param busy remaining ms of the pieces that run, at most `lanes`
 * @param waiting ms of the other pieces, in order
 * @param lanes number of workers, 1 or more
 */
export function scheduledMs(
  busy: readonly number[],
  waiting: readonly number[],
  lanes: number,
): number {
  const free = Array.from({ length: Math.max(lanes, busy.length) }, (_, lane) => busy[lane] ?? 0)
  for (const ms of waiting) {
    let first = 0
    free.forEach((time, lane) => {
      if (time < free[first]!) first = lane
    })
    free[first]! += ms
  }
  return Math.max(0, ...free)
}

/** Work of one kind for all open units of a cell. */
export interface CellTime {
  readonly kind: 'clean' | 'checks' | 'attack'
  /** Open units, 0 or more. */
  readonly units: number
  /** Time of all of them on one worker. */
  readonly ms: number
}

/** Time of all cells on several workers: clean predictions, on which attacks wait, come first. */
export function scheduledCellsMs(cells: readonly CellTime[], lanes: number): number {
  const phase = (isClean: boolean): number =>
    scheduledMs(
      [],
      cells
        .filter(({ kind }) => (kind === 'clean') === isClean)
        .flatMap(({ units, ms }) => Array.from({ length: units }, () => ms / units)),
      lanes,
    )
  return phase(true) + phase(false)
}

/** An estimate may exceed the shown time by this factor and these ms before it is shown. */
const tolerance = { factor: 1.5, ms: 10_000 }

/**
 * Time left as it is shown. It falls at once if an estimate is lower, and otherwise counts down. It
 * stops at an estimate that is higher, and rises only to one that is higher by half and ten
 * seconds: then the run is slower than anything before has shown.
 */
export class ShownTime {
  #shown: number | undefined
  #atMs = 0

  /**
   * @param estimate of the time left, in ms
   * @param now a clock in ms
   * @returns the time to show, in ms
   */
  update(estimate: number, now: number): number {
    const before = this.#shown
    const counted = before === undefined ? Infinity : Math.max(0, before - (now - this.#atMs))
    this.#atMs = now
    if (before === undefined || estimate <= counted) this.#shown = estimate
    else if (estimate > tolerance.factor * before + tolerance.ms) this.#shown = estimate
    else this.#shown = Math.min(before, Math.max(counted, estimate))
    return this.#shown
  }
}
