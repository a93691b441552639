/** Passes over points that differ from known ones in small windows: the positions of a cut are kept, and only those a window reaches computed anew. */
import { g } from '../../engine/graph/graph.ts'
import { enterBlocked, isBlocked } from '../../engine/graph/ops/blocked.ts'
import { substitute } from '../../engine/graph/rewrite.ts'
import { Session, type SessionOptions } from '../../engine/graph/session.ts'
import type { Value } from '../../engine/graph/value.ts'
import type { Cut } from './split-network.ts'
import { float32, gatherRows, sizeOf, type FloatTensor } from '../../engine/tensor/tensor.ts'
import { CropSession, type ChangedRow } from './crop-session.ts'
import { checkAsked, CachedPoint, type Pair } from './activation-cache.ts'
import type { AskedPoint } from '../model.ts'

/** The network that is passed through, and where it is cut. */
export interface IncrementalParts {
  readonly name: string
  readonly images: Value
  readonly logits: Value
  readonly classes: number
  readonly cut: Cut
  /** The whole of it, to the logits alone. */
  forward(): Promise<Session>
  readonly session: SessionOptions
}

/** A row of a batch. */
interface Row {
  readonly row: number
  readonly known: CachedPoint
}

/** One whose point is asked about by its window. */
interface WindowedRow extends Row, ChangedRow {}

/** Those whose windows reach equally many positions. */
interface Group {
  readonly count: Pair
  readonly rows: WindowedRow[]
}

/** The sessions of a cut network, compiled when first needed: the whole of it with the cut as an output, crops up to the cut, and the rest behind it. */
export class IncrementalSessions {
  readonly #parts: IncrementalParts
  /** `[rows, columns, c]` of the cut. */
  readonly #shape: readonly [number, number, number]
  readonly #sessions = new Map<string, Promise<Session>>()
  readonly #crops = new Map<string, Promise<CropSession>>()
  /** Copies of what is kept, with what was asked about last laid over, of the points that went through the rest together last. */
  #shelf = new Float32Array(0)
  #shelved: readonly CachedPoint[] = []

  constructor(parts: IncrementalParts) {
    this.#parts = parts
    const [, channels, rows, columns] = parts.cut.value.shape as number[]
    this.#shape = [rows!, columns!, channels!]
  }

  know(): CachedPoint {
    return new CachedPoint(this.#shape[1], this.#shape[2])
  }

  /** As `WindowedPasses.logits`. */
  async logits(points: FloatTensor, asked: readonly AskedPoint[]): Promise<FloatTensor> {
    checkAsked(asked, points.shape)
    const { cut, classes } = this.#parts
    const plain: Row[] = []
    const whole: Row[] = []
    const groups = new Map<string, Group>()
    asked.forEach(({ known, window }, row) => {
      const count = window && cut.positions.get(window.side)
      // What no window is going to build upon need not come out of the network.
      if (!count) plain.push({ row, known })
      else if (!known.kept) whole.push({ row, known })
      else {
        const group = groups.get(count.join())
        if (group) group.rows.push({ row, known, window })
        else groups.set(count.join(), { count, rows: [{ row, known, window }] })
      }
    })
    const answer = float32([asked.length, classes], new Float32Array(asked.length * classes))
    if (plain.length > 0) await this.#passPlain(points, plain, answer)
    if (whole.length > 0) await this.#passWhole(points, whole, answer)
    for (const group of groups.values()) await this.#passCrops(points, group)
    const windowed = [...groups.values()].flatMap(({ rows }) => rows)
    if (windowed.length > 0) await this.#passRest(windowed, answer)
    return answer
  }

  async release(): Promise<void> {
    const sessions = [...this.#sessions.values(), ...this.#crops.values()]
    for (const session of sessions) await (await session).release()
  }

  async #passPlain(points: FloatTensor, rows: readonly Row[], answer: FloatTensor): Promise<void> {
    const { name, images } = this.#parts
    const session = await this.#parts.forward()
    const answers = await session.run({ [images.node.name]: rowsOf(points, rows) }, name)
    for (const { known } of rows) known.asked = undefined
    putRows(answers['logits'] as FloatTensor, rows, answer)
  }

  /** With the positions of the cut. */
  async #passWhole(points: FloatTensor, rows: readonly Row[], answer: FloatTensor): Promise<void> {
    const { name, images, logits, cut } = this.#parts
    const session = await this.#session('whole', () => {
      const positions = g.transpose(cut.value, [0, 2, 3, 1])
      return [{ logits, positions }, [images]]
    })
    const answers = await session.run({ [images.node.name]: rowsOf(points, rows) }, name)
    const [height, width] = this.#shape
    const { data } = answers['positions'] as FloatTensor
    const length = data.length / rows.length
    rows.forEach(({ known }, place) => {
      const own = data.subarray(place * length, (place + 1) * length)
      known.asked = { data: own, first: [0, 0], count: [height, width] }
    })
    putRows(answers['logits'] as FloatTensor, rows, answer)
  }

  async #passCrops(points: FloatTensor, { count, rows }: Group): Promise<void> {
    const { name } = this.#parts
    const session = await this.#crop(count)
    const positions = await session.run(points, rows, name)
    rows.forEach(({ known }, place) => (known.asked = positions[place]!))
  }

  /** From the cut on. */
  async #passRest(rows: readonly WindowedRow[], answer: FloatTensor): Promise<void> {
    const { name, logits, cut } = this.#parts
    const session = await this.#session('rest', () => {
      const positions = g.input('positions', cut.value.dtype, ['n', ...this.#shape])
      const plain = g.transpose(positions, [0, 3, 1, 2])
      const value = isBlocked(cut.value) ? enterBlocked(g, plain) : plain
      const [rest] = substitute([logits], new Map([[cut.value, value]]))
      return [{ logits: rest! }, [positions]]
    })
    const positions = float32([rows.length, ...this.#shape], this.#shelve(rows))
    const answers = await session.run({ positions }, name)
    putRows(answers['logits'] as FloatTensor, rows, answer)
  }

  /** The positions of the points that are asked about, one after the other. */
  #shelve(rows: readonly WindowedRow[]): Float32Array {
    const length = sizeOf(this.#shape)
    const isSame =
      rows.length === this.#shelved.length &&
      rows.every(({ known }, place) => this.#shelved[place] === known)
    if (!isSame) {
      this.#shelf = new Float32Array(rows.length * length)
      this.#shelved = rows.map(({ known }) => known)
    }
    rows.forEach(({ known }, place) => {
      known.lay(this.#shelf.subarray(place * length, (place + 1) * length), isSame)
    })
    return this.#shelf
  }

  #crop(count: Pair): Promise<CropSession> {
    const { cut, images, name, session } = this.#parts
    let crop = this.#crops.get(count.join())
    if (!crop) {
      crop = CropSession.compile(cut, images, count, session, name)
      this.#crops.set(count.join(), crop)
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

/** A part of a batch. */
function rowsOf(points: FloatTensor, rows: readonly Row[]): FloatTensor {
  if (rows.length === points.shape[0]) return points
  return gatherRows(
    points,
    rows.map(({ row }) => row),
  )
}

/** Puts the rows of a part of a batch in their places. */
function putRows(part: FloatTensor, rows: readonly Row[], whole: FloatTensor): void {
  const size = part.shape[1]!
  rows.forEach(({ row }, place) =>
    whole.data.set(part.data.subarray(place * size, (place + 1) * size), row * size),
  )
}
