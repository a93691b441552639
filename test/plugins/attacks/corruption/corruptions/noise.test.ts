/** Measured distributions of the noise corruptions. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../../../core/base/random.ts'
import {
  corrupt,
  severities,
} from '../../../../../plugins/attacks/corruption/corruptions/corruption-record.ts'
import {
  gaussianNoise,
  impulseNoise,
  poisson,
  speckleNoise,
} from '../../../../../plugins/attacks/corruption/corruptions/noise.ts'
import type { Image } from '../../../../../plugins/attacks/corruption/corruptions/image.ts'

const count = 40_000
const middle: Image = {
  channels: 1,
  height: 200,
  width: 200,
  data: new Float64Array(count).fill(0.5),
}

function moments(values: ArrayLike<number>): { readonly mean: number; readonly variance: number } {
  let [sum, squares] = [0, 0]
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!
    squares += values[i]! ** 2
  }
  const mean = sum / values.length
  return { mean, variance: squares / values.length - mean ** 2 }
}

test.each(severities)('Gaussian noise at severity %i has its standard deviation', (severity) => {
  const stream = randomStream('gaussian', severity)
  const { data } = corrupt(gaussianNoise, middle, { severity, stream, quantize: false })
  const { mean, variance } = moments(data)
  const deviation = gaussianNoise.constants[severity - 1]!['deviation']!
  // Five standard errors: σ / √n for the mean, σ / √(2n) for the deviation.
  expect(Math.abs(mean - 0.5)).toBeLessThan((5 * deviation) / Math.sqrt(count))
  expect(Math.abs(Math.sqrt(variance) / deviation - 1)).toBeLessThan(5 / Math.sqrt(2 * count))
})

test('speckle noise is proportional to the value', () => {
  const stream = randomStream('speckle')
  const { data } = corrupt(speckleNoise, middle, { severity: 3, stream, quantize: false })
  expect(Math.sqrt(moments(data).variance) / (0.5 * 0.12)).toBeCloseTo(1, 1)
})

test('impulse noise replaces its fraction of the values, half of them by white', () => {
  const stream = randomStream('impulse')
  const { data } = corrupt(impulseNoise, middle, { severity: 5, stream, quantize: false })
  const share = (value: number) => data.filter((one) => one === value).length / count
  // Five standard errors of a fraction of 0.035.
  expect(Math.abs(share(0) - 0.035)).toBeLessThan(0.0046)
  expect(Math.abs(share(1) - 0.035)).toBeLessThan(0.0046)
})

test.each([0.2, 3.7, 50, 500])('Poisson numbers of mean %d have that mean and variance', (mean) => {
  const stream = randomStream('poisson', mean)
  const measured = moments(Float64Array.from({ length: count }, () => poisson(mean, stream)))
  expect(Math.abs(measured.mean - mean)).toBeLessThan(5 * Math.sqrt(mean / count))
  // The variance of the sample variance is about (2λ² + λ) / n.
  const error = Math.sqrt((2 * mean * mean + mean) / count)
  expect(Math.abs(measured.variance - mean)).toBeLessThan(5 * error)
})

test('Poisson numbers follow the formula, and are 0 for a mean of 0', () => {
  const mean = 2.5
  const stream = randomStream('poisson', 'frequencies')
  const draws = Float64Array.from({ length: count }, () => poisson(mean, stream))
  let probability = Math.exp(-mean)
  for (let k = 0; k < 9; k++) {
    const share = draws.filter((one) => one === k).length / count
    expect(Math.abs(share - probability)).toBeLessThan(5 * Math.sqrt(probability / count))
    probability *= mean / (k + 1)
  }
  expect(poisson(0, stream)).toBe(0)
})
