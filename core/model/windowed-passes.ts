/** Passes over points that differ from known ones in small windows: the positions of a cut are kept, and only those a window reaches computed anew. */
import { g } from '../graph/graph.ts'
import { enterBlocked, isBlocked } from '../graph/ops/blocked.ts'
import { substitute } from '../graph/rewrite.ts'
import { Session, type SessionOptions } from '../graph/session.ts'
import type { Value } from '../graph/value.ts'
import { cropExpression, firstPixel, firstPosition, pixelsOf, type Cut } from '../graph/windowed.ts'
import { float32, gatherRows, sizeOf, type FloatTensor } from '../tensor/tensor.ts'
import { checkAsked, RememberedPoint, type Pair } from './known-point.ts'
import type { AskedPoint, PixelWindow } from './model.ts'

/** The network that is passed through, and where it is cut. */
export interface WindowedParts {
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
  readonly known: RememberedPoint
}

/** One whose point is asked about by its window, which reaches so many positions. */
interface WindowedRow extends Row {
  readonly window: PixelWindow
  readonly count: Pair
}

/** The sessions of a cut network, compiled when first needed: the whole of it with the cut as an output, crops up to the cut, and the rest behind it. */
export class WindowedSessions {
  readonly #parts: WindowedParts
  /** `[rows, columns, c]` of the cut. */
  readonly #shape: readonly [number, number, number]
  readonly #sessions = new Map<string, Promise<Session>>()
  /** Copies of what is kept, with what was asked about last laid over, of the points that went through the rest together last. */
  #shelf = new Float32Array(0)
  #shelved: readonly RememberedPoint[] = []
  /** Where crops are put together, time after time. */
  #crops = new Float32Array(0)

  constructor(parts: WindowedParts) {
    this.#parts = parts
    const [, channels, rows, columns] = parts.cut.value.shape as number[]
    this.#shape = [rows!, columns!, channels!]
  }

  know(): RememberedPoint {
    return new RememberedPoint(this.#shape[1], this.#shape[2])
  }

  /** As `WindowedPasses.logits`. */
  async logits(points: FloatTensor, asked: readonly AskedPoint[]): Promise<FloatTensor> {
    checkAsked(asked, points.shape)
    const { cut, classes } = this.#parts
    const plain: Row[] = []
    const whole: Row[] = []
    const groups = new Map<Pair, WindowedRow[]>()
    asked.forEach(({ known, window }, row) => {
      const count = window && cut.positions.get(window.side)
      // What no window is going to build upon need not come out of the network.
      if (!count) plain.push({ row, known })
      else if (!known.kept) whole.push({ row, known })
      else {
        const group = groups.get(count)
        if (group) group.push({ row, known, window, count })
        else groups.set(count, [{ row, known, window, count }])
      }
    })
    const answer = float32([asked.length, classes], new Float32Array(asked.length * classes))
    if (plain.length > 0) await this.#passPlain(points, plain, answer)
    if (whole.length > 0) await this.#passWhole(points, whole, answer)
    for (const group of groups.values()) await this.#passCrops(points, group)
    const windowed = [...groups.values()].flat()
    if (windowed.length > 0) await this.#passRest(windowed, answer)
    return answer
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release()
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
    remember(rows, answers['positions'] as FloatTensor, () => [0, 0], [height, width])
    putRows(answers['logits'] as FloatTensor, rows, answer)
  }

  /** Of rows whose windows reach equally many positions. */
  async #passCrops(points: FloatTensor, rows: readonly WindowedRow[]): Promise<void> {
    const { name, images, cut } = this.#parts
    const [{ count }] = rows as readonly [WindowedRow]
    const session = await this.#session(`crop ${count.join()}`, () => {
      const { positions, crop, tops, lefts } = cropExpression(cut, images, count)
      return [{ positions }, [crop, tops, lefts]]
    })
    const first = rows.map(({ window: { top, left } }): Pair => [
      firstPosition(cut.reach[0], top, count[0]),
      firstPosition(cut.reach[1], left, count[1]),
    ])
    const feeds = {
      crop: this.#copyCrops(points, rows, first),
      tops: float32(
        [rows.length],
        Float32Array.from(first, ([top]) => top),
      ),
      lefts: float32(
        [rows.length],
        Float32Array.from(first, ([, left]) => left),
      ),
    }
    const answers = await session.run(feeds, name)
    remember(rows, answers['positions'] as FloatTensor, (place) => first[place]!, count)
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

  /** The pixels that positions from these on depend on; outside of the images those at the edge. */
  #copyCrops(
    points: FloatTensor,
    rows: readonly WindowedRow[],
    first: readonly Pair[],
  ): FloatTensor {
    const { reach } = this.#parts.cut
    const [channels, height, width] = points.shape.slice(1) as [number, number, number]
    const [{ count }] = rows as readonly [WindowedRow]
    const lengths = [pixelsOf(reach[0], count[0]), pixelsOf(reach[1], count[1])] as const
    const size = channels * lengths[0] * lengths[1]
    if (this.#crops.length < rows.length * size) {
      this.#crops = new Float32Array(rows.length * size)
    }
    const columns = new Int32Array(lengths[1])
    rows.forEach(({ row }, place) => {
      const left = firstPixel(reach[1], first[place]![1])
      columns.forEach((_, i) => (columns[i] = Math.max(0, Math.min(width - 1, left + i))))
      const source = {
        pixels: points.data,
        planes: row * channels,
        shape: [channels, height, width],
        top: firstPixel(reach[0], first[place]![0]),
        rows: lengths[0],
        columns,
      } as const
      copyCrop(source, this.#crops, place * size)
    })
    const crops = this.#crops.subarray(0, rows.length * size)
    return float32([rows.length, channels, ...lengths], crops)
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

/** A part of the image that begins with so many planes `[h, w]` before it. */
interface CropSource {
  readonly pixels: Float32Array
  readonly planes: number
  readonly shape: readonly [channels: number, height: number, width: number]
  /** The first of its rows, which may lie outside. */
  readonly top: number
  readonly rows: number
  /** Inside. */
  readonly columns: Int32Array
}

// On its own, with all that the loops need in variables, it takes a quarter of the time.
function copyCrop(source: CropSource, output: Float32Array, at: number): void {
  const { pixels, planes, top, rows, columns } = source
  const [channels, height, width] = source.shape
  for (let channel = 0; channel < channels; channel++) {
    for (let y = top; y < top + rows; y++) {
      const row = y < 0 ? 0 : y < height ? y : height - 1
      const from = ((planes + channel) * height + row) * width
      for (let i = 0; i < columns.length; i++) output[at++] = pixels[from + columns[i]!]!
    }
  }
}

/** Notes positions `[n, rows, columns, c]` as what was asked about last. */
function remember(
  rows: readonly Row[],
  positions: FloatTensor,
  firstOf: (place: number) => Pair,
  count: Pair,
): void {
  const length = positions.data.length / rows.length
  rows.forEach(({ known }, place) => {
    const data = positions.data.subarray(place * length, (place + 1) * length)
    known.asked = { data, first: firstOf(place), count }
  })
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
