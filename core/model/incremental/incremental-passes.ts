/**
 * Forward passes that reuse cached activations. The network is cut in two: before the cut, only the
 * activations that a changed window affects are computed; after it, everything.
 */
import { RobenchError } from '../../base/errors.ts'
import { g } from '../../engine/graph/graph.ts'
import { enterBlocked, isBlocked } from '../../engine/graph/ops/blocked.ts'
import { substitute } from '../../engine/graph/rewrite.ts'
import { Session, type SessionOptions } from '../../engine/graph/session.ts'
import type { Value } from '../../engine/graph/value.ts'
import { float32, gatherRows, sizeOf, type FloatTensor } from '../../engine/tensor/tensor.ts'
import type { WindowQueries, WindowSearch } from '../window-queries.ts'
import { ActivationCache, type Pair } from './activation-cache.ts'
import { CropSession, type ChangedRow } from './crop-session.ts'
import type { Cut } from './choose-cut.ts'

/** A network and where it is cut. */
export interface IncrementalParts {
  readonly name: string
  readonly images: Value
  readonly logits: Value
  readonly classes: number
  readonly cut: Cut
  /** The session of the whole network with only the logits as output. */
  forward(): Promise<Session>
  readonly session: SessionOptions
}

/** A row of a batch and the cache of its search. */
interface Row {
  readonly row: number
  readonly cache: ActivationCache
}

/** A row of which only a window has changed. */
interface WindowRow extends Row, ChangedRow {}

/** Rows whose windows affect equally large regions of the cut. */
interface Group {
  readonly size: Pair
  readonly rows: WindowRow[]
}

/** How each row of a batch is evaluated. */
interface Schedule {
  /** Whole passes without the cut as output, for points that no window will refer to. */
  readonly plain: Row[]
  /** Whole passes that fill the cache. */
  readonly filling: Row[]
  readonly groups: Group[]
}

/** Window queries on a cut network. Its sessions are compiled on first use. */
export class IncrementalPasses implements WindowQueries {
  readonly #parts: IncrementalParts
  /** `[rows, columns, c]` of the cut. */
  readonly #shape: readonly [number, number, number]
  readonly #caches = new WeakMap<WindowSearch, ActivationCache>()
  readonly #sessions = new Map<string, Promise<Session>>()
  readonly #crops = new Map<string, Promise<CropSession>>()
  /** The input `[n, rows, columns, c]` of the network after the cut, reused by the next batch. */
  #batch = new Float32Array(0)
  #batchCaches: readonly ActivationCache[] = []

  constructor(parts: IncrementalParts) {
    this.#parts = parts
    const [, channels, rows, columns] = parts.cut.value.shape as number[]
    this.#shape = [rows!, columns!, channels!]
  }

  /**
   * @throws RobenchError ROBENCH_GRAPH if points and searches do not match, or a window is not
   *   inside the images
   */
  async logits(points: FloatTensor, searches: readonly WindowSearch[]): Promise<FloatTensor> {
    checkSearches(searches, points.shape)
    const { plain, filling, groups } = this.#schedule(searches)
    const { classes } = this.#parts
    const logits = float32([searches.length, classes], new Float32Array(searches.length * classes))
    if (plain.length > 0) await this.#runPlain(points, plain, logits)
    if (filling.length > 0) await this.#fillCaches(points, filling, logits)
    for (const group of groups) await this.#runCrops(points, group)
    const changed = groups.flatMap(({ rows }) => rows)
    if (changed.length > 0) await this.#runAfterCut(changed, logits)
    return logits
  }

  accept(search: WindowSearch): void {
    this.#cacheOf(search).accept()
  }

  async release(): Promise<void> {
    const sessions = [...this.#sessions.values(), ...this.#crops.values()]
    for (const session of sessions) await (await session).release()
  }

  #cacheOf(search: WindowSearch): ActivationCache {
    let cache = this.#caches.get(search)
    if (!cache) {
      const [, columns, channels] = this.#shape
      cache = new ActivationCache(columns, channels)
      this.#caches.set(search, cache)
    }
    return cache
  }

  #schedule(searches: readonly WindowSearch[]): Schedule {
    const { cut } = this.#parts
    const schedule: Schedule = { plain: [], filling: [], groups: [] }
    searches.forEach((search, row) => {
      const { window } = search
      const cache = this.#cacheOf(search)
      const size = window && cut.regions.get(window.side)
      if (!size) schedule.plain.push({ row, cache })
      else if (!cache.isFilled) schedule.filling.push({ row, cache })
      else {
        let group = schedule.groups.find((other) => other.size.join() === size.join())
        if (!group) schedule.groups.push((group = { size, rows: [] }))
        group.rows.push({ row, cache, window })
      }
    })
    return schedule
  }

  async #runPlain(points: FloatTensor, rows: readonly Row[], logits: FloatTensor): Promise<void> {
    const { name, images } = this.#parts
    const session = await this.#parts.forward()
    const outputs = await session.run({ [images.node.name]: selectRows(points, rows) }, name)
    for (const { cache } of rows) cache.record(undefined)
    scatterRows(outputs['logits'] as FloatTensor, rows, logits)
  }

  async #fillCaches(points: FloatTensor, rows: readonly Row[], logits: FloatTensor): Promise<void> {
    const { name, images, logits: whole, cut } = this.#parts
    const session = await this.#session('whole', () => {
      const positions = g.transpose(cut.value, [0, 2, 3, 1])
      return [{ logits: whole, positions }, [images]]
    })
    const outputs = await session.run({ [images.node.name]: selectRows(points, rows) }, name)
    const [height, width] = this.#shape
    const { data } = outputs['positions'] as FloatTensor
    const length = data.length / rows.length
    rows.forEach(({ cache }, place) => {
      const own = data.subarray(place * length, (place + 1) * length)
      cache.record({ data: own, origin: [0, 0], size: [height, width] })
    })
    scatterRows(outputs['logits'] as FloatTensor, rows, logits)
  }

  async #runCrops(points: FloatTensor, { size, rows }: Group): Promise<void> {
    const { name } = this.#parts
    const session = await this.#crop(size)
    const regions = await session.run(points, rows, name)
    rows.forEach(({ cache }, place) => cache.record(regions[place]))
  }

  async #runAfterCut(rows: readonly WindowRow[], logits: FloatTensor): Promise<void> {
    const { name, logits: whole, cut } = this.#parts
    const session = await this.#session('rest', () => {
      const positions = g.input('positions', cut.value.dtype, ['n', ...this.#shape])
      const plain = g.transpose(positions, [0, 3, 1, 2])
      const value = isBlocked(cut.value) ? enterBlocked(g, plain) : plain
      const [rest] = substitute([whole], new Map([[cut.value, value]]))
      return [{ logits: rest! }, [positions]]
    })
    const positions = float32([rows.length, ...this.#shape], this.#assembleBatch(rows))
    const outputs = await session.run({ positions }, name)
    scatterRows(outputs['logits'] as FloatTensor, rows, logits)
  }

  /** The activations of the latest queries, one row after the other. */
  #assembleBatch(rows: readonly WindowRow[]): Float32Array {
    const length = sizeOf(this.#shape)
    const isUnchanged =
      rows.length === this.#batchCaches.length &&
      rows.every(({ cache }, place) => this.#batchCaches[place] === cache)
    if (!isUnchanged) {
      this.#batch = new Float32Array(rows.length * length)
      this.#batchCaches = rows.map(({ cache }) => cache)
    }
    rows.forEach(({ cache }, place) => {
      cache.writeLatest(this.#batch.subarray(place * length, (place + 1) * length), isUnchanged)
    })
    return this.#batch
  }

  #crop(size: Pair): Promise<CropSession> {
    const { cut, images, name, session } = this.#parts
    let crop = this.#crops.get(size.join())
    if (!crop) {
      crop = CropSession.compile(cut, images, size, session, name)
      this.#crops.set(size.join(), crop)
    }
    return crop
  }

  #session(
    key: string,
    define: () => readonly [Readonly<Record<string, Value>>, readonly Value[]],
  ): Promise<Session> {
    let session = this.#sessions.get(key)
    if (!session) {
      const { name, session: options } = this.#parts
      session = Session.compile(...define(), options, name)
      this.#sessions.set(key, session)
    }
    return session
  }
}

function checkSearches(
  searches: readonly WindowSearch[],
  [count, , height, width]: readonly number[],
): void {
  if (searches.length !== count) {
    throw misuse(`expected one search for each of ${count} points, got ${searches.length}`)
  }
  for (const { window } of searches) {
    if (!window) continue
    const { top, left, side } = window
    const isWhole = [top, left, side].every(Number.isInteger)
    const isInside = Math.min(top, left) >= 0 && top + side <= height! && left + side <= width!
    if (isWhole && side > 0 && isInside) continue
    throw misuse(
      `expected a window inside the image of ${height} × ${width}, ` +
        `got one of side ${side} at row ${top}, column ${left}`,
    )
  }
}

function misuse(reason: string): RobenchError {
  return new RobenchError('ROBENCH_GRAPH', `window queries: ${reason}`)
}

function selectRows(points: FloatTensor, rows: readonly Row[]): FloatTensor {
  if (rows.length === points.shape[0]) return points
  return gatherRows(
    points,
    rows.map(({ row }) => row),
  )
}

/** Copies the rows of a partial batch to their places in the whole one. */
function scatterRows(part: FloatTensor, rows: readonly Row[], whole: FloatTensor): void {
  const size = part.shape[1]!
  rows.forEach(({ row }, place) =>
    whole.data.set(part.data.subarray(place * size, (place + 1) * size), row * size),
  )
}
