/** The 2D discrete Fourier transform as a differentiable expression: products with matrices. */
import { GraphError } from '../../base/errors.ts'
import { formatShape } from '../../engine/graph/dim.ts'
import { g } from '../../engine/graph/graph.ts'
import type { Value } from '../../engine/graph/value.ts'

/** Complex values as two real values of the same shape. */
export interface Complex {
  readonly real: Value
  readonly imaginary: Value
}

/**
 * Z(u, v) = Σ_ij x(i, j)·e^{−2πj(ui/h + vj/w)} over the last two axes, without a factor and with
 * frequency 0 first.
 * @param x real, `[…, h, w]` with known height and width
 * @returns of the same shape
 */
export function fourierTransform(x: Value): Complex {
  const { rows, columns } = matricesFor(x)
  const [real, imaginary] = [g.matMul(x, columns.cosine), g.matMul(x, columns.sine)]
  return {
    real: g.sub(g.matMul(rows.cosine, real), g.matMul(rows.sine, imaginary)),
    imaginary: g.neg(g.add(g.matMul(rows.cosine, imaginary), g.matMul(rows.sine, real))),
  }
}

/** x(i, j) = 1/(hw)·Σ_uv Z(u, v)·e^{2πj(ui/h + vj/w)} over the last two axes. */
export function inverseFourierTransform(z: Complex): Complex {
  const { rows, columns, size } = matricesFor(z.real)
  const along = rotate(z, (value) => [
    g.matMul(value, columns.cosine),
    g.matMul(value, columns.sine),
  ])
  const { real, imaginary } = rotate(along, (value) => [
    g.matMul(rows.cosine, value),
    g.matMul(rows.sine, value),
  ])
  return { real: g.div(real, size), imaginary: g.div(imaginary, size) }
}

/** (a + jb)·(C + jS), where `product` gives a value times C and times S. */
function rotate(
  { real, imaginary }: Complex,
  product: (value: Value) => readonly [cosine: Value, sine: Value],
): Complex {
  const [realCosine, realSine] = product(real)
  const [imaginaryCosine, imaginarySine] = product(imaginary)
  return {
    real: g.sub(realCosine, imaginarySine),
    imaginary: g.add(realSine, imaginaryCosine),
  }
}

interface WaveMatrices {
  /** `[n, n]`, symmetric: cos(2πab/n) and sin(2πab/n). */
  readonly cosine: Value
  readonly sine: Value
}

function matricesFor(x: Value): {
  readonly rows: WaveMatrices
  readonly columns: WaveMatrices
  readonly size: number
} {
  const [height, width] = x.shape.slice(-2)
  if (typeof height !== 'number' || typeof width !== 'number') {
    throw new GraphError(
      'ROBENCH_GRAPH',
      `Fourier transform: expected […, height, width] of known sizes, got ${formatShape(x.shape)}`,
    )
  }
  return { rows: waves(height), columns: waves(width), size: height * width }
}

function waves(n: number): WaveMatrices {
  const matrix = (wave: (angle: number) => number): Value =>
    g.floats(
      [n, n],
      // The product is reduced modulo n first: large angles would lose digits.
      Array.from({ length: n * n }, (_, at) =>
        wave((2 * Math.PI * ((Math.floor(at / n) * (at % n)) % n)) / n),
      ),
    )
  return { cosine: matrix(Math.cos), sine: matrix(Math.sin) }
}
