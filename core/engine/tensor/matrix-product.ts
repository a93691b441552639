/** Products of small float64 matrices with 128-bit vectors, in WebAssembly. */
import {
  code,
  encodeModule,
  FunctionVariables,
  instantiate,
  instruction,
  instructions,
  newMemory,
  pageBytes,
} from '../../base/wasm-module.ts'
import type { Code, Variable } from '../../base/wasm-module.ts'

/** A matrix in row-major order, initially zero. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  /** Components from one row to the next, at least `columns`; those beyond stay zero. */
  readonly stride: number
  readonly values: Float64Array
}

/** Matrices in one memory, and products of them. */
export interface MatrixProducts<Name extends string> {
  readonly matrices: Readonly<Record<Name, Matrix>>
  /**
   * c ← a·b. Each component is a sum over the columns of `a` in order, as in JavaScript, bit for
   * bit.
   * @param a `[m, k]`
   * @param b `[k, n]`
   * @param c `[m, n]`
   */
  multiply(a: Name, b: Name, c: Name): void
}

const bytesPerNumber = Float64Array.BYTES_PER_ELEMENT
/** Rows and columns of a product that are computed together; both are padded to multiples. */
const tile = { rows: 2, columns: 4 } as const
/** Components per vector. */
const lanes = 2

/** Lays out matrices of these shapes in a memory of their own. */
export function matrixProducts<Name extends string>(
  shapes: Readonly<Record<Name, readonly [rows: number, columns: number]>>,
): MatrixProducts<Name> {
  const placed = new Map<
    Name,
    { readonly at: number; readonly rows: number; readonly columns: number }
  >()
  let bytes = 0
  for (const [name, [rows, columns]] of Object.entries<readonly [number, number]>(shapes)) {
    placed.set(name as Name, { at: bytes, rows, columns })
    bytes += padded(rows, tile.rows) * padded(columns, tile.columns) * bytesPerNumber
  }
  const memory = newMemory(Math.ceil(Math.max(bytes, 1) / pageBytes))
  const run = instantiate(productModule(), memory)
  const matrices = Object.fromEntries(
    [...placed].map(([name, { at, rows, columns }]) => {
      const stride = padded(columns, tile.columns)
      const values = new Float64Array(memory.buffer, at, rows * stride)
      return [name, { rows, columns, stride, values }]
    }),
  ) as Record<Name, Matrix>
  return {
    matrices,
    multiply(a, b, c) {
      const [left, right, result] = [matrices[a], matrices[b], matrices[c]]
      run(
        left.values.byteOffset,
        left.stride * bytesPerNumber,
        left.columns * bytesPerNumber,
        right.values.byteOffset,
        result.values.byteOffset,
        result.stride * bytesPerNumber,
        result.values.byteOffset + padded(result.rows, tile.rows) * result.stride * bytesPerNumber,
      )
    },
  }
}

function padded(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple
}

/**
 * `run(a, aStride, aWidth, b, c, cStride, cEnd)`, all in bytes: two rows and four columns of c at a
 * time, with two vectors of sums for each row.
 */
function productModule(): Uint8Array {
  const variables = new FunctionVariables()
  const parameter = (): Variable => variables.parameter('i32')
  const [a, aStride, aWidth, b] = [parameter(), parameter(), parameter(), parameter()]
  const [c, cStride, cEnd] = [parameter(), parameter(), parameter()]
  const local = (): Variable => variables.local('i32')
  const [column, from, fromEnd, row, target] = [local(), local(), local(), local(), local()]
  const vector = (): Variable => variables.local('v128')
  const vectors = tile.columns / lanes
  const sums = Array.from({ length: tile.rows }, () => Array.from({ length: vectors }, vector))
  const parts = Array.from({ length: vectors }, vector)
  const { i32, f64x2, load128, store128, loadSplat, whileLoop } = instruction
  const add = (left: Code, right: Code): Code => code(left, right, instructions['i32.add'])
  const vectorBytes = lanes * bytesPerNumber
  const each = (make: (sum: Variable, place: number, index: number) => Code): Code =>
    code(...sums.flatMap((own, place) => own.map((sum, index) => make(sum, place, index))))
  const clear = each((sum) => code(f64x2(0, 0), sum.set))
  const loadParts = code(
    ...parts.map((part, index) => code(row.get, load128(index * vectorBytes), part.set)),
  )
  /** The address of a component of a in the first or second row. */
  const source = (place: number): Code => (place === 0 ? from.get : add(from.get, aStride.get))
  const accumulate = each((sum, place, index) =>
    code(
      code(sum.get, source(place), loadSplat(0), parts[index]!.get),
      code(instructions['f64x2.mul'], instructions['f64x2.add'], sum.set),
    ),
  )
  const store = each((sum, place, index) =>
    code(
      place === 0 ? target.get : add(target.get, cStride.get),
      code(sum.get, store128(index * vectorBytes)),
    ),
  )
  const advance = (variable: Variable, step: Code): Code =>
    code(add(variable.get, step), variable.set)
  const isBelow = (variable: Variable, limit: Variable): Code =>
    code(variable.get, limit.get, instructions['i32.lt_u'])
  const overTerms = whileLoop(
    isBelow(from, fromEnd),
    code(
      code(loadParts, accumulate),
      code(advance(from, i32(bytesPerNumber)), advance(row, cStride.get)),
    ),
  )
  const overColumns = whileLoop(
    isBelow(column, cStride),
    code(
      code(clear, a.get, from.set, add(a.get, aWidth.get), fromEnd.set),
      code(add(b.get, column.get), row.set, overTerms),
      code(add(c.get, column.get), target.set, store),
      advance(column, i32(tile.columns * bytesPerNumber)),
    ),
  )
  const body = whileLoop(
    isBelow(c, cEnd),
    code(
      code(i32(0), column.set, overColumns),
      code(advance(a, aStride.get), advance(a, aStride.get)),
      code(advance(c, cStride.get), advance(c, cStride.get)),
    ),
  )
  return encodeModule({ variables, body })
}
