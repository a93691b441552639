/** Amplitude-phase recombination as an expression. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import {
  amplitude,
  fourierTransform,
  inverseFourierTransform,
  unitPhase,
} from '../../../core/api/transforms.ts'
import type { Complex } from '../../../core/api/transforms.ts'

/**
 * Re F⁻¹(A(x₀)·e^{jP(x)}), where F is the Fourier transform over channels, rows and columns.
 * @param images x, and @param partners x₀, both `[n, c, h, w]`
 * @returns not clipped
 */
export function recombined(images: Value, partners: Value): Value {
  const phase = unitPhase(alongChannels(fourierTransform(images), -1))
  const length = amplitude(alongChannels(fourierTransform(partners), -1))
  const mixed = { real: g.mul(length, phase.real), imaginary: g.mul(length, phase.imaginary) }
  const channels = Number(images.shape[1])
  const planes = inverseFourierTransform(alongChannels(mixed, 1))
  return g.div(planes.real, channels)
}

/** Σ_c z(c)·e^{±2πjkc/C} for each k, without a factor. @param sign −1 forward, 1 backward */
function alongChannels({ real, imaginary }: Complex, sign: 1 | -1): Complex {
  const [channels, height, width] = real.shape.slice(1).map(Number) as [number, number, number]
  const matrix = (wave: (angle: number) => number): Value =>
    g.floats(
      [channels, channels],
      Array.from({ length: channels ** 2 }, (_, at) =>
        wave((2 * Math.PI * (Math.floor(at / channels) * (at % channels))) / channels),
      ),
    )
  const [cosine, sine] = [matrix(Math.cos), matrix((angle) => sign * Math.sin(angle))]
  const flat = (x: Value): Value => g.reshape(x, [-1, channels, height * width])
  const image = (x: Value): Value => g.reshape(x, [-1, channels, height, width])
  const [a, b] = [flat(real), flat(imaginary)]
  return {
    real: image(g.sub(g.matMul(cosine, a), g.matMul(sine, b))),
    imaginary: image(g.add(g.matMul(sine, a), g.matMul(cosine, b))),
  }
}
