/** The 2D discrete Fourier transform of real planes on the host, one at a time, in float64. */

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
  readonly across: Waves
  readonly down: Waves
  /** The factor of each column in the inverse. */
  readonly factors: readonly number[]
  /** Between the transform of the rows and that of the columns: `[h, columns]`. */
  readonly lines: HalfSpectrum
  /** Sums and differences over two opposite positions or frequencies. */
  readonly even: HalfSpectrum
  readonly odd: HalfSpectrum
  readonly evenLine: HalfSpectrum
  readonly oddLine: HalfSpectrum
}

type Pairs = readonly (readonly [number, number])[]

interface Waves {
  readonly cosine: Float64Array
  readonly sine: Float64Array
}

function newPlan(
  height: number,
  width: number,
  rows: readonly number[],
  columns: readonly number[],
  factors: readonly number[],
): Plan {
  const held = columns.length
  const heights = opposites(height)
  const widths = opposites(width)
  const kept = heights.filter(([u]) => rows.includes(u))
  return {
    height,
    width,
    held,
    heights,
    widths,
    frequencies: kept.map(([u, negative]) => [rows.indexOf(u), rows.indexOf(negative)]),
    across: waves(width, widths, columns),
    down: waves(
      height,
      heights,
      kept.map(([u]) => u),
    ),
    factors,
    lines: newSpectrum(height * held),
    even: newSpectrum(rows.length * held),
    odd: newSpectrum(rows.length * held),
    evenLine: newSpectrum(held),
    oddLine: newSpectrum(held),
  }
}

/** Transforms each row of the plane into `lines`. */
function forwardRows(plan: Plan, plane: Float32Array | Float64Array): void {
  const { height, width, held, widths, lines } = plan
  const { real, imaginary } = lines
  const { cosine, sine } = plan.across
  clear(lines)
  for (let i = 0; i < height; i++) {
    const line = i * held
    for (let j = 0; j < widths.length; j++) {
      const other = widths[j]![1]
      const a = plane[i * width + j]!
      const b = plane[i * width + other]!
      const sum = j === other ? a : a + b
      const difference = a - b
      const wave = j * held
      for (let v = 0; v < held; v++) {
        real[line + v]! += sum * cosine[wave + v]!
        imaginary[line + v]! -= difference * sine[wave + v]!
      }
    }
  }
}

/** Transforms each column of `lines` into the spectrum. */
function forwardColumns(plan: Plan, output: HalfSpectrum): void {
  const { held, heights, frequencies, down, lines, even, odd, evenLine, oddLine } = plan
  clear(even)
  clear(odd)
  heights.forEach(([i, other], place) => {
    addOpposites(lines, i * held, other * held, evenLine, oddLine, 0, held)
    for (let f = 0; f < frequencies.length; f++) {
      const wave = place * frequencies.length + f
      addScaled(evenLine, 0, down.cosine[wave]!, even, f * held, held)
      addScaled(oddLine, 0, down.sine[wave]!, odd, f * held, held)
    }
  })
  // Z(±u) = even ∓ j·odd
  frequencies.forEach(([u, negative], f) => {
    spread(even, odd, f * held, -1, output, u * held, negative * held, held)
  })
}

/** Transforms each column of the spectrum back into `lines`. */
function inverseColumns(plan: Plan, spectrum: HalfSpectrum): void {
  const { held, heights, frequencies, down, lines, even, odd, evenLine, oddLine } = plan
  frequencies.forEach(([u, negative], f) => {
    addOpposites(spectrum, u * held, negative * held, even, odd, f * held, held)
  })
  heights.forEach(([i, other], place) => {
    clear(evenLine)
    clear(oddLine)
    for (let f = 0; f < frequencies.length; f++) {
      const wave = place * frequencies.length + f
      addScaled(even, f * held, down.cosine[wave]!, evenLine, 0, held)
      addScaled(odd, f * held, down.sine[wave]!, oddLine, 0, held)
    }
    // Y(±i) = even ± j·odd
    spread(evenLine, oddLine, 0, 1, lines, i * held, other * held, held)
  })
}

/** Transforms each row of `lines` back into the plane. */
function inverseRows(plan: Plan, output: Float64Array): void {
  const { height, width, held, widths, factors, lines } = plan
  const { real, imaginary } = lines
  const { cosine, sine } = plan.across
  for (let i = 0; i < height; i++) {
    const line = i * held
    for (let v = 0; v < held; v++) {
      real[line + v]! *= factors[v]!
      imaginary[line + v]! *= factors[v]!
    }
    for (let j = 0; j < widths.length; j++) {
      const other = widths[j]![1]
      const wave = j * held
      let sum = 0
      let difference = 0
      for (let v = 0; v < held; v++) {
        sum += real[line + v]! * cosine[wave + v]!
        difference += imaginary[line + v]! * sine[wave + v]!
      }
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

function clear({ real, imaginary }: HalfSpectrum): void {
  real.fill(0)
  imaginary.fill(0)
}

/** The positions t from 0 to ⌊n/2⌋ with −t modulo n, which equals t at 0 and n/2. */
function opposites(n: number): Pairs {
  return Array.from({ length: Math.floor(n / 2) + 1 }, (_, t) => [t, (n - t) % n] as const)
}

/** The sum and difference of the lines at `a` and `b`; if these are the same, the line and 0. */
function addOpposites(
  source: HalfSpectrum,
  a: number,
  b: number,
  sum: HalfSpectrum,
  difference: HalfSpectrum,
  at: number,
  length: number,
): void {
  const share = a === b ? 0.5 : 1
  for (let k = 0; k < length; k++) {
    sum.real[at + k] = share * (source.real[a + k]! + source.real[b + k]!)
    sum.imaginary[at + k] = share * (source.imaginary[a + k]! + source.imaginary[b + k]!)
    difference.real[at + k] = source.real[a + k]! - source.real[b + k]!
    difference.imaginary[at + k] = source.imaginary[a + k]! - source.imaginary[b + k]!
  }
}

function addScaled(
  source: HalfSpectrum,
  from: number,
  factor: number,
  target: HalfSpectrum,
  to: number,
  length: number,
): void {
  const { real, imaginary } = source
  const { real: targetReal, imaginary: targetImaginary } = target
  for (let k = 0; k < length; k++) {
    targetReal[to + k]! += factor * real[from + k]!
    targetImaginary[to + k]! += factor * imaginary[from + k]!
  }
}

/** Writes even + sign·j·odd to the line at `a` and even − sign·j·odd to that at `b`. */
function spread(
  even: HalfSpectrum,
  odd: HalfSpectrum,
  from: number,
  sign: 1 | -1,
  target: HalfSpectrum,
  a: number,
  b: number,
  length: number,
): void {
  for (let k = 0; k < length; k++) {
    const real = even.real[from + k]!
    const imaginary = even.imaginary[from + k]!
    const turnedReal = -sign * odd.imaginary[from + k]!
    const turnedImaginary = sign * odd.real[from + k]!
    target.real[a + k] = real + turnedReal
    target.imaginary[a + k] = imaginary + turnedImaginary
    if (a === b) continue
    target.real[b + k] = real - turnedReal
    target.imaginary[b + k] = imaginary - turnedImaginary
  }
}

/** cos(2πtf/n) and sin(2πtf/n) at `[t, f]`, for the first position t of each pair. */
function waves(n: number, places: Pairs, frequencies: readonly number[]): Waves {
  const angles = Float64Array.from(
    // The product is reduced modulo n first: large angles would lose digits.
    places.flatMap(([t]) => frequencies.map((f) => (2 * Math.PI * ((t * f) % n)) / n)),
  )
  return { cosine: angles.map(Math.cos), sine: angles.map(Math.sin) }
}
