/** The convolution of gradients, compared with its definition. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  gaussianKernel,
  smoothGradient,
} from '../../../../plugins/attacks/gradient/gradient-smoothing.ts'
import type { ImageShape } from '../../../../plugins/attacks/gradient/input-diversity.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { sizeOf } from '../../../../core/engine/tensor/tensor.ts'

/** The definition: a zero-padded two-dimensional convolution of each channel. */
function direct([channels, height, width]: ImageShape, kernel: Float64Array, x: Float32Array) {
  const radius = (kernel.length - 1) / 2
  const output = new Float32Array(x.length)
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        let sum = 0
        for (let di = -radius; di <= radius; di++) {
          for (let dj = -radius; dj <= radius; dj++) {
            if (i + di < 0 || i + di >= height || j + dj < 0 || j + dj >= width) continue
            const weight = kernel[di + radius]! * kernel[dj + radius]!
            sum += weight * x[(c * height + i + di) * width + j + dj]!
          }
        }
        output[(c * height + i) * width + j] = sum
      }
    }
  }
  return output
}

test('a kernel is symmetric, decays, and sums to one', () => {
  const kernel = gaussianKernel(7, 7 / 3)
  expect(kernel).toHaveLength(15)
  expect(kernel.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 14)
  expect(kernel).toEqual(kernel.toReversed())
  // The border is three standard deviations from the center.
  expect(kernel[0]! / kernel[7]!).toBeCloseTo(Math.exp(-4.5), 14)
})

test('convolving rows and then columns gives the two-dimensional convolution', () => {
  const shapes = fc.tuple(fc.nat(2), fc.nat(6), fc.nat(6))
  fc.assert(
    fc.property(shapes, fc.nat(4), fc.nat(1000), ([channels, height, width], radius, seed) => {
      const shape = [channels + 1, height + 1, width + 1] as const
      const stream = randomStream(seed, 'smoothing')
      const x = Float32Array.from({ length: sizeOf(shape) }, () => stream.normal())
      const kernel = gaussianKernel(radius, 1.5)
      // Both round once to float32, from float64 sums in different orders.
      expect(smoothGradient(shape, kernel, x)).toBeAllclose(direct(shape, kernel, x), {
        rtol: 1e-6,
        atol: 1e-7,
      })
    }),
  )
})

test('a radius of zero returns the gradient bit for bit', () => {
  const stream = randomStream(3, 'smoothing')
  const x = Float32Array.from({ length: 60 }, () => stream.normal() * 10 ** stream.integer(20))
  expect(smoothGradient([3, 4, 5], gaussianKernel(0, 0), x)).toEqual(x)
})
