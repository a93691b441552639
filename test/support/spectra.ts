/** Oracles for spectral code: independent Fourier transforms, expressions run on plain arrays. */
import FFT from 'fft.js'
import { Session } from '../../core/engine/graph/session.ts'
import { g } from '../../core/engine/graph/graph.ts'
import type { Value } from '../../core/engine/graph/value.ts'
import { randomStream } from '../../core/base/random.ts'
import { float32 } from '../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../core/engine/tensor/tensor.ts'

export interface PlaneSpectrum {
  /** `[h, w]` each, frequency 0 first. */
  readonly real: Float64Array
  readonly imaginary: Float64Array
}

/** The transform of a real plane by fft.js, rows then columns. Sizes are powers of two above 1. */
export function spectrumByFft(plane: ArrayLike<number>, height: number, width: number) {
  const real = Float64Array.from(plane)
  const imaginary = new Float64Array(real.length)
  return transformAxes({ real, imaginary }, height, width, (fft, out, data) =>
    fft.transform(out, data),
  )
}

/** The inverse by fft.js, as a complex plane. */
export function planeByFft(spectrum: PlaneSpectrum, height: number, width: number) {
  return transformAxes(spectrum, height, width, (fft, out, data) => fft.inverseTransform(out, data))
}

function transformAxes(
  { real, imaginary }: PlaneSpectrum,
  height: number,
  width: number,
  transform: (fft: FFT, out: number[], data: number[]) => void,
): PlaneSpectrum {
  const result = { real: Float64Array.from(real), imaginary: Float64Array.from(imaginary) }
  const alongLine = (size: number, start: number, step: number): void => {
    const fft = new FFT(size)
    const data: number[] = fft.createComplexArray()
    const out: number[] = fft.createComplexArray()
    for (let i = 0; i < size; i++) {
      data[2 * i] = result.real[start + i * step]!
      data[2 * i + 1] = result.imaginary[start + i * step]!
    }
    transform(fft, out, data)
    for (let i = 0; i < size; i++) {
      result.real[start + i * step] = out[2 * i]!
      result.imaginary[start + i * step] = out[2 * i + 1]!
    }
  }
  for (let i = 0; i < height; i++) alongLine(width, i * width, 1)
  for (let j = 0; j < width; j++) alongLine(height, j, width)
  return result
}

/** The transform of a real plane of any size by its definition, term by term. */
export function spectrumByDefinition(plane: ArrayLike<number>, height: number, width: number) {
  const real = new Float64Array(height * width)
  const imaginary = new Float64Array(height * width)
  for (let k = 0; k < height * width; k++) {
    const [u, v] = [Math.floor(k / width), k % width]
    for (let at = 0; at < height * width; at++) {
      const [i, j] = [Math.floor(at / width), at % width]
      const angle = -2 * Math.PI * ((u * i) / height + (v * j) / width)
      real[k]! += plane[at]! * Math.cos(angle)
      imaginary[k]! += plane[at]! * Math.sin(angle)
    }
  }
  return { real, imaginary }
}

/** Uniform pixels in [0, 1). */
export function randomImages(shape: readonly number[], name: string): FloatTensor {
  const stream = randomStream('test images', name)
  const size = shape.reduce((a, b) => a * b, 1)
  return float32(
    shape,
    Float32Array.from({ length: size }, () => stream.uniform()),
  )
}

/** Compiles expressions of placeholders in the shapes of the feeds, runs them, and frees them. */
export async function evaluate(
  feeds: Readonly<Record<string, FloatTensor>>,
  build: (inputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>,
): Promise<Readonly<Record<string, Float32Array>>> {
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { shape }]) => [name, g.input(name, 'float32', shape)]),
  )
  const session = await Session.compile(build(inputs), Object.values(inputs))
  const outputs = await session.run(feeds)
  await session.release()
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]),
  )
}

/** Σ a·b */
export function innerProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
