/** Mean and standard deviation of images, for normalization. */
import type { Dataset } from '../data/dataset.ts'

/** Examples that the statistics are computed on, at most. */
const sampleSize = 10_000

/** Lower limit of the variance, so that constant channels do not divide by zero. */
const minimumVariance = 1e-6

/** Per channel, over the first 10,000 of the examples, as float32 values. */
export function channelStatistics(
  data: Dataset,
  examples: Uint32Array,
): { mean: number[]; std: number[] } {
  const sample = data.rows(examples.subarray(0, sampleSize))
  const [count, channels, height, width] = sample.shape as [number, number, number, number]
  const area = height * width
  const mean: number[] = []
  const std: number[] = []
  for (let c = 0; c < channels; c++) {
    let sum = 0
    let squares = 0
    for (let row = 0; row < count; row++) {
      const start = (row * channels + c) * area
      for (let i = start; i < start + area; i++) {
        const value = sample.data[i]!
        sum += value
        squares += value * value
      }
    }
    const average = sum / (count * area)
    const variance = Math.max(squares / (count * area) - average * average, minimumVariance)
    mean.push(Math.fround(average))
    std.push(Math.fround(Math.sqrt(variance)))
  }
  return { mean, std }
}
