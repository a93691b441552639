/** The 2D discrete Fourier transform of real planes on the host, one at a time, in float64. */
import { matrixProducts, type Matrix } from '../../engine/tensor/matrix-product.ts'

/**
 * The frequencies of a real plane with v ≤ w/2, which determine the others: Z(−k) is the conjugate
 * of Z(k). `[rows, columns]` of its transform, which may be restricted to fewer.
 */
export interface HalfSpectrum {
  readonly real: Float64Array
  readonly imaginary: Float64Array
}

/** Transforms planes of one size. */
export interface PlaneTransform {
  /** The vertical and horizontal frequencies of its half spectra. */
  readonly rows: readonly number[]
  readonly columns: readonly number[]
  /** Z(u, v) = Σ_ij x(i, j)·e^{−2πj(ui/h + vj/w)} of a plane `[h, w]`. */
  forward(plane: Float32Array | Float64Array, output: HalfSpectrum): void
  /**
   * The real part of the inverse `[h, w]`, with the factor 1/(hw). Missing frequencies are zero,
   * those with v > w/2 conjugates.
   */
  inverse(spectrum: HalfSpectrum, output: Float64Array): void
  /** How many frequencies of the whole spectrum a column represents: 1 or 2. */
  multiplicity(column: number): 1 | 2
}

/**
 * Creates the transform for planes `[h, w]` of any size. Opposite positions and frequencies share
 * products, since cosines are even and sines are odd: a transform in either direction takes
 * about h·columns·(w + rows) multiplications.
 * @param rows frequencies from 0 to h − 1, each with its negative h − u; default: all
 * @param columns frequencies from 0 to ⌊w/2⌋; default: all
 */
export function createPlaneTransform(
  height: number,
  width: number,
  rows: readonly number[] = Array.from({ length: height }, (_, u) => u),
  columns: readonly number[] = Array.from({ length: Math.floor(width / 2) + 1 }, (_, v) => v),
): PlaneTransform {
  const multiplicity = (column: number): 1 | 2 => (column === 0 || 2 * column === width ? 1 : 2)
  const factors = columns.map((v) => multiplicity(v) / (height * width))
  const plan = newPlan(height, width, rows, columns, factors)
  return {
    rows,
    columns,
    multiplicity,
    forward(plane, output) {
      forwardRows(plan, plane)
      forwardColumns(plan, output)
    },
    inverse(spectrum, output) {
      inverseColumns(plan, spectrum)
      inverseRows(plan, output)
    },
  }
}

/** The tables and buffers of a transform. */
interface Plan {
  readonly height: number
  readonly width: number
  /** The number of columns of its half spectra. */
  readonly held: number
  /** Each position from 0 to ⌊h/2⌋ or ⌊w/2⌋ with the opposite one. */
  readonly heights: Pairs
  readonly widths: Pairs
  /** The places of u and −u in a half spectrum. */
  readonly frequencies: Pairs
  /** The factor of each column in the inverse. */
  readonly factors: readonly number[]
  readonly products: ReturnType<typeof newProducts>
}

type Pairs = readonly (readonly [number, number])[]

function newPlan(
  height: number,
  width: number,
  rows: readonly number[],
  columns: readonly number[],
  factors: readonly number[],
): Plan {
  const heights = opposites(height)
  const widths = opposites(width)
  const kept = heights.filter(([u]) => rows.includes(u))
  const sizes = { height, heights, widths, kept: kept.length, held: columns.length }
  const products = newProducts(sizes)
  const { matrices } = products
  writeWaves(width, widths, columns, {
    cosine: [matrices.cosineAcross, matrices.cosineAcrossBack],
    sine: [matrices.sineAcross, matrices.sineAcrossBack],
  })
  // The imaginary part has the opposite sign.
  for (let i = 0; i < matrices.sineAcross.values.length; i++) matrices.sineAcross.values[i]! *= -1
  writeWaves(
    height,
    heights,
    kept.map(([u]) => u),
    {
      cosine: [matrices.cosineDownBack, matrices.cosineDown],
      sine: [matrices.sineDownBack, matrices.sineDown],
    },
  )
  const frequencies = kept.map(
    ([u, negative]) => [rows.indexOf(u), rows.indexOf(negative)] as const,
  )
  const { length: held } = columns
  return { height, width, held, heights, widths, frequencies, factors, products }
}

/**
 * Tables of cosines and sines, and what is between their products: sums and differences over
 * opposite positions or frequencies (`even`, `odd`), the transforms of rows (`real`, `imaginary`),
 * and both parts beside each other (`folded`, `kept`, `back`).
 */
function newProducts({
  height,
  heights,
  widths,
  kept,
  held,
}: {
  readonly height: number
  readonly heights: Pairs
  readonly widths: Pairs
  readonly kept: number
  readonly held: number
}) {
  return matrixProducts({
    cosineAcross: [widths.length, held],
    sineAcross: [widths.length, held],
    cosineAcrossBack: [held, widths.length],
    sineAcrossBack: [held, widths.length],
    cosineDown: [kept, heights.length],
    sineDown: [kept, heights.length],
    cosineDownBack: [heights.length, kept],
    sineDownBack: [heights.length, kept],
    even: [height, widths.length],
    odd: [height, widths.length],
    real: [height, held],
    imaginary: [height, held],
    foldedEven: [heights.length, 2 * held],
    foldedOdd: [heights.length, 2 * held],
    keptEven: [kept, 2 * held],
    keptOdd: [kept, 2 * held],
    backEven: [heights.length, 2 * held],
    backOdd: [heights.length, 2 * held],
  })
}

/** Transforms each row of the plane. */
function forwardRows(
  { height, width, widths, products }: Plan,
  plane: Float32Array | Float64Array,
): void {
  const { even, odd } = products.matrices
  for (let j = 0; j < widths.length; j++) {
    const other = widths[j]![1]
    const share = j === other ? 0.5 : 1
    for (let i = 0; i < height; i++) {
      const a = plane[i * width + j]!
      const b = plane[i * width + other]!
      even.values[i * even.stride + j] = share * (a + b)
      odd.values[i * odd.stride + j] = a - b
    }
  }
  products.multiply('even', 'cosineAcross', 'real')
  products.multiply('odd', 'sineAcross', 'imaginary')
}

/** Transforms each column of the transformed rows into the spectrum. */
function forwardColumns(
  { held, heights, frequencies, products }: Plan,
  output: HalfSpectrum,
): void {
  const { real, imaginary, foldedEven, foldedOdd, keptEven, keptOdd } = products.matrices
  for (let place = 0; place < heights.length; place++) {
    const [i, other] = heights[place]!
    const to = place * foldedEven.stride
    addOpposites(real, i, other, foldedEven, foldedOdd, to, held)
    addOpposites(imaginary, i, other, foldedEven, foldedOdd, to + held, held)
  }
  products.multiply('cosineDown', 'foldedEven', 'keptEven')
  products.multiply('sineDown', 'foldedOdd', 'keptOdd')
  // Z(±u) = even ∓ j·odd
  for (let f = 0; f < frequencies.length; f++) {
    const [u, negative] = frequencies[f]!
    const from = f * keptEven.stride
    spread(keptEven.values, keptOdd.values, from, -1, output, u * held, negative * held, held)
  }
}

/** Transforms each column of the spectrum back. */
function inverseColumns(
  { held, heights, frequencies, products }: Plan,
  spectrum: HalfSpectrum,
): void {
  const { real, imaginary, keptEven, keptOdd, backEven, backOdd } = products.matrices
  const parts = [spectrum.real, spectrum.imaginary].map((values) => ({ values, stride: held }))
  for (let f = 0; f < frequencies.length; f++) {
    const [u, negative] = frequencies[f]!
    const to = f * keptEven.stride
    addOpposites(parts[0]!, u, negative, keptEven, keptOdd, to, held)
    addOpposites(parts[1]!, u, negative, keptEven, keptOdd, to + held, held)
  }
  products.multiply('cosineDownBack', 'keptEven', 'backEven')
  products.multiply('sineDownBack', 'keptOdd', 'backOdd')
  const target = { real: real.values, imaginary: imaginary.values }
  for (let place = 0; place < heights.length; place++) {
    const [i, other] = heights[place]!
    const from = place * backEven.stride
    // Y(±i) = even ± j·odd
    const [a, b] = [i * real.stride, other * real.stride]
    spread(backEven.values, backOdd.values, from, 1, target, a, b, held)
  }
}

/** Transforms each row back into the plane. */
function inverseRows(plan: Plan, output: Float64Array): void {
  const { height, width, held, widths, factors, products } = plan
  const { real, imaginary, even, odd } = products.matrices
  for (let i = 0; i < height; i++) {
    const line = i * real.stride
    for (let v = 0; v < held; v++) {
      real.values[line + v]! *= factors[v]!
      imaginary.values[line + v]! *= factors[v]!
    }
  }
  products.multiply('real', 'cosineAcrossBack', 'even')
  products.multiply('imaginary', 'sineAcrossBack', 'odd')
  for (let j = 0; j < widths.length; j++) {
    const other = widths[j]![1]
    for (let i = 0; i < height; i++) {
      const sum = even.values[i * even.stride + j]!
      const difference = odd.values[i * odd.stride + j]!
      output[i * width + j] = sum - difference
      if (j !== other) output[i * width + other] = sum + difference
    }
  }
}

/** A half spectrum of zeros for one plane. */
export function newHalfSpectrum({ rows, columns }: PlaneTransform): HalfSpectrum {
  return newSpectrum(rows.length * columns.length)
}

function newSpectrum(size: number): HalfSpectrum {
  return { real: new Float64Array(size), imaginary: new Float64Array(size) }
}

/** The positions t from 0 to ⌊n/2⌋ with −t modulo n, which equals t at 0 and n/2. */
function opposites(n: number): Pairs {
  return Array.from({ length: Math.floor(n / 2) + 1 }, (_, t) => [t, (n - t) % n] as const)
}

/** The sum and difference of the lines `a` and `b`; if these are the same, the line and 0. */
function addOpposites(
  { values, stride }: Pick<Matrix, 'values' | 'stride'>,
  a: number,
  b: number,
  { values: sums }: Matrix,
  { values: differences }: Matrix,
  at: number,
  length: number,
): void {
  const share = a === b ? 0.5 : 1
  const [first, second] = [a * stride, b * stride]
  for (let k = 0; k < length; k++) {
    const [x, y] = [values[first + k]!, values[second + k]!]
    sums[at + k] = share * (x + y)
    differences[at + k] = x - y
  }
}

/**
 * Writes even + sign·j·odd to the line at `a` and even − sign·j·odd to that at `b`. Real and
 * imaginary parts of even and odd are beside each other.
 */
function spread(
  even: Float64Array,
  odd: Float64Array,
  from: number,
  sign: 1 | -1,
  target: HalfSpectrum,
  a: number,
  b: number,
  length: number,
): void {
  for (let k = 0; k < length; k++) {
    const real = even[from + k]!
    const imaginary = even[from + length + k]!
    const turnedReal = -sign * odd[from + length + k]!
    const turnedImaginary = sign * odd[from + k]!
    target.real[a + k] = real + turnedReal
    target.imaginary[a + k] = imaginary + turnedImaginary
    if (a === b) continue
    target.real[b + k] = real - turnedReal
    target.imaginary[b + k] = imaginary - turnedImaginary
  }
}

/**
 * Writes cos(2πtf/n) and sin(2πtf/n) for the first position t of each pair: at `[t, f]` of the first
 * matrix, and at `[f, t]` of the second.
 */
function writeWaves(
  n: number,
  places: Pairs,
  frequencies: readonly number[],
  tables: Readonly<Record<'cosine' | 'sine', readonly [Matrix, Matrix]>>,
): void {
  places.forEach(([t], place) => {
    frequencies.forEach((f, at) => {
      // The product is reduced modulo n first: large angles would lose digits.
      const angle = (2 * Math.PI * ((t * f) % n)) / n
      for (const [wave, [plain, transposed]] of [
        [Math.cos(angle), tables.cosine],
        [Math.sin(angle), tables.sine],
      ] as const) {
        plain.values[place * plain.stride + at] = wave
        transposed.values[at * transposed.stride + place] = wave
      }
    })
  })
}
