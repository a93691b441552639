/** Gradient estimates from samples, on linear losses with known gradients. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { estimateGradient } from '../../../../plugins/attacks/score-based/sampled-gradient.ts'
import type {
  GradientSamples,
  SampleDirections,
} from '../../../../plugins/attacks/score-based/sampled-gradient.ts'
import { randomStream } from '../../../../core/base/random.ts'

interface LinearLoss {
  readonly slopes: readonly number[]
  readonly point: readonly number[]
}

/** Runs the search with loss slopes · x as the only logit; also returns the sampled points. */
function estimate(
  { slopes, point }: LinearLoss,
  samples: Partial<GradientSamples> & Pick<GradientSamples, 'count' | 'directions'>,
): { gradient: Float32Array; points: Float32Array[] } {
  const search = estimateGradient(Float32Array.from(point), {
    distance: 0.01,
    bounds: [0, 1],
    stream: randomStream(3, 'samples'),
    loss: (logits) => logits[0]!,
    ...samples,
  })
  const points: Float32Array[] = []
  for (;;) {
    const { done, value } = search.next()
    if (done) return { gradient: value, points }
    for (let index = 0; index < value.count; index++) {
      const sample = new Float32Array(point.length)
      value.write(index, sample)
      points.push(sample)
      const loss = slopes.reduce((sum, slope, i) => sum + slope * sample[i]!, 0)
      value.read(index, sample, Float32Array.of(loss))
    }
  }
}

const slope = fc.double({ min: -5, max: 5, noNaN: true })
const pixel = fc.float({ min: Math.fround(0.1), max: Math.fround(0.9), noNaN: true })

describe.each<SampleDirections>(['signs', 'normal'])('%s', (directions) => {
  test('a single pair measures one component exactly, also at a bound', () => {
    fc.assert(
      fc.property(slope, fc.oneof(pixel, fc.constantFrom(0, 1)), (own, at) => {
        const { gradient } = estimate({ slopes: [own], point: [at] }, { count: 2, directions })
        // Float32 logits near 5 resolve differences of 0.05 · |slope| to about 1e-5.
        expect(Math.abs(gradient[0]! - own)).toBeLessThan(1e-3 * (1 + Math.abs(own)))
      }),
    )
  })

  test('many samples approximate the gradient', () => {
    const loss = { slopes: [3, -2, 1, 0.5, 0, -4], point: [0.5, 0, 1, 0.3, 0.6, 0.5] }
    const { gradient } = estimate(loss, { count: 4000, directions })
    // The standard error of a component is about |gradient| / √2000 = 0.12.
    expect(gradient).toBeAllclose(Float32Array.from(loss.slopes), { atol: 0.5, rtol: 0 })
  })

  test('samples come in opposite pairs within the bounds', () => {
    const { points } = estimate({ slopes: [1, 1], point: [0.5, 0.004] }, { count: 8, directions })
    expect(points).toHaveLength(8)
    for (let pair = 0; pair < 8; pair += 2) {
      const [first, second] = [points[pair]!, points[pair + 1]!]
      expect(first[0]! + second[0]!).toBeCloseTo(1, 6)
      expect(Math.min(first[1]!, second[1]!)).toBeGreaterThanOrEqual(0)
    }
  })
})

test('sign samples differ by exactly the distance in every component', () => {
  const { points } = estimate(
    { slopes: [1, 1], point: [0.5, 0.5] },
    { count: 6, directions: 'signs' },
  )
  for (const point of points) {
    for (const value of point) expect(Math.abs(value - 0.5)).toBeCloseTo(0.01, 7)
  }
})

test('a constant loss has gradient zero', () => {
  const flat = { slopes: [0, 0, 0], point: [0.2, 0.5, 1] }
  const { gradient } = estimate(flat, { count: 10, directions: 'normal' })
  expect([...gradient]).toEqual([0, 0, 0])
})
