/** Filters by radial masks, as an expression and on the host. Both are linear and self-adjoint. */
import { GraphError } from '../../base/errors.ts'
import { formatShape } from '../../engine/graph/dim.ts'
import { g } from '../../engine/graph/graph.ts'
import type { Value } from '../../engine/graph/value.ts'
import { fourierTransform, inverseFourierTransform } from './fourier.ts'
import { createPlaneTransform, newHalfSpectrum } from './plane-transform.ts'
import { radialMask } from './radial-mask.ts'
import type { RadialBand } from './radial-mask.ts'

/** Re F⁻¹(M ⊙ F(x)) over the last two axes of x `[…, h, w]`, with known height and width. */
export function radialFilter(x: Value, band: RadialBand): Value {
  const [height, width] = x.shape.slice(-2)
  if (typeof height !== 'number' || typeof width !== 'number') {
    throw new GraphError(
      'ROBENCH_GRAPH',
      `radial filter: expected […, height, width] of known sizes, got ${formatShape(x.shape)}`,
    )
  }
  const mask = g.floats([height, width], [...radialMask(band, height, width)])
  const { real, imaginary } = fourierTransform(x)
  return inverseFourierTransform({ real: g.mul(mask, real), imaginary: g.mul(mask, imaginary) })
    .real
}

/**
 * Filters an image `[c, h, w]` in float64. Since it is self-adjoint, it also propagates gradients
 * backward. `output` may be `image`.
 */
export type ImageFilter = (image: Float32Array | Float64Array, output: Float64Array) => void

/**
 * The same filter on the host, one image at a time. If most of the mask is 0 or 1, only the other
 * frequencies are computed: an ideal mask of radius 8 on 3×32×32 takes about 0.08 million
 * multiplications.
 */
export function createImageFilter(
  band: RadialBand,
  [channels, height, width]: readonly [channels: number, height: number, width: number],
): ImageFilter {
  const mask = radialMask(band, height, width)
  const open = mask.filter((value) => value === 1).length
  const closed = mask.filter((value) => value === 0).length
  const common = open >= closed ? 1 : 0
  const differs = (u: number, v: number): boolean => mask[u * width + v] !== common
  const allRows = Array.from({ length: height }, (_, u) => u)
  const halfColumns = Array.from({ length: Math.floor(width / 2) + 1 }, (_, v) => v)
  const rows = allRows.filter((u) => halfColumns.some((v) => differs(u, v)))
  const columns = halfColumns.filter((v) => allRows.some((u) => differs(u, v)))
  const transform = createPlaneTransform(height, width, rows, columns)
  const weights = Float64Array.from(
    rows.flatMap((u) => columns.map((v) => mask[u * width + v]! - common)),
  )
  const spectrum = newHalfSpectrum(transform)
  const size = height * width
  // A single array type keeps the inner loops fast.
  const plane = new Float64Array(size)
  const rest = new Float64Array(size)
  return (image, output) => {
    for (let channel = 0; channel < channels; channel++) {
      const from = channel * size
      plane.set(image.subarray(from, from + size))
      transform.forward(plane, spectrum)
      for (let k = 0; k < weights.length; k++) {
        spectrum.real[k]! *= weights[k]!
        spectrum.imaginary[k]! *= weights[k]!
      }
      transform.inverse(spectrum, rest)
      for (let i = 0; i < size; i++) output[from + i] = common * plane[i]! + rest[i]!
    }
  }
}
