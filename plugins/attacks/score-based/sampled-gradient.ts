/** Gradient estimates from logits: slopes of a loss between pairs of random points. */
import type { QuerySearch } from '../../../core/api/attack.ts'
import type { RandomStream } from '../../../core/api/plugin.ts'

/** Random directions: signs ±1 (SPSA), or normal components (natural evolution strategies). */
export type SampleDirections = 'signs' | 'normal'

/** The samples of one estimate. */
export interface GradientSamples {
  /** Queries: even, since samples come in pairs. */
  readonly count: number
  readonly directions: SampleDirections
  /**
   * Distance of a sample from the point in each component, in input units: exact for signs, one
   * standard deviation for normal components.
   */
  readonly distance: number
  /** Samples are clipped to these. */
  readonly bounds: readonly [low: number, high: number]
  readonly stream: RandomStream
  /** The loss at a sample, from its logits `[k]`. */
  loss(logits: Float32Array): number
}

/**
 * Estimates the gradient of a loss at a point. In each pair x ± σu the losses differ by Δ and the
 * points by d; the slope of a component is the least-squares fit Σ Δ·d / Σ d². Away from the bounds
 * this is SPSA's estimate mean(Δ / d) for signs. For normal directions it is the estimate of
 * natural evolution strategies with the sample variance in place of σ². At a bound, where one of
 * the two points is clipped, it is the one-sided slope.
 * @see Uesato et al. 2018, algorithm 1; Ilyas et al. 2018
 */
export function* estimateGradient(
  point: Float32Array,
  { count, directions, distance, bounds, stream, loss }: GradientSamples,
): QuerySearch<Float32Array> {
  const size = point.length
  const [low, high] = bounds
  const step = new Float64Array(size)
  const first = { point: new Float32Array(size), loss: 0 }
  const products = new Float64Array(size)
  const squares = new Float64Array(size)
  yield {
    count,
    write(index, output) {
      const opposite = index % 2 === 1
      if (!opposite) draw[directions](stream, step)
      const scale = opposite ? -1 : distance
      for (let i = 0; i < size; i++) {
        step[i]! *= scale
        output[i] = Math.min(Math.max(point[i]! + step[i]!, low), high)
      }
    },
    read(index, sample, logits) {
      const value = loss(logits)
      if (index % 2 === 0) {
        first.point.set(sample)
        first.loss = value
        return
      }
      const rise = first.loss - value
      for (let i = 0; i < size; i++) {
        const apart = first.point[i]! - sample[i]!
        products[i]! += rise * apart
        squares[i]! += apart * apart
      }
    },
  }
  return Float32Array.from(products, (product, i) => (squares[i] === 0 ? 0 : product / squares[i]!))
}

const draw: Readonly<
  Record<SampleDirections, (stream: RandomStream, output: Float64Array) => void>
> = {
  signs(stream, output) {
    const bits = new Uint32Array(output.length)
    stream.fillBits(bits)
    for (let i = 0; i < output.length; i++) output[i] = bits[i]! % 2 === 0 ? 1 : -1
  },
  normal: (stream, output) => stream.fillNormal(output),
}
