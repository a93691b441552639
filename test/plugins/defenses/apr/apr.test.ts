/** Amplitude-phase recombination: the transform by its definition, and the training. */
import { expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { apr } from '../../../../plugins/defenses/apr/apr.ts'
import { recombined } from '../../../../plugins/defenses/apr/recombined.ts'
import { standard } from '../../../../plugins/defenses/standard/standard.ts'
import { randomTensor } from '../../../support/onnx-file.ts'
import { afterOneStep } from '../training/one-step.ts'

const shape = [3, 4, 5] as const

/** Σ x(c, i, j)·e^{∓2πj(ac/C + ui/h + vj/w)}: the sum over all axes, in float64. */
function transform(
  real: Float64Array,
  imaginary: Float64Array,
  sign: 1 | -1,
): { real: Float64Array; imaginary: Float64Array } {
  const [channels, height, width] = shape
  const places = Array.from({ length: channels * height * width }, (_, at) => [
    Math.floor(at / (height * width)),
    Math.floor(at / width) % height,
    at % width,
  ])
  const output = { real: new Float64Array(60), imaginary: new Float64Array(60) }
  places.forEach(([a, u, v], k) => {
    places.forEach(([c, i, j], at) => {
      const turns = (a! * c!) / channels + (u! * i!) / height + (v! * j!) / width
      const [cosine, sine] = [Math.cos(2 * Math.PI * turns), sign * Math.sin(2 * Math.PI * turns)]
      output.real[k]! += real[at]! * cosine - imaginary[at]! * sine
      output.imaginary[k]! += real[at]! * sine + imaginary[at]! * cosine
    })
  })
  return output
}

test('images keep their phase and take the amplitude of their partners, over three axes', async () => {
  const zero = new Float64Array(60)
  const x = randomTensor([1, ...shape], 'image')
  const other = randomTensor([1, ...shape], 'partner')
  const own = transform(Float64Array.from(x.data), zero, -1)
  const foreign = transform(Float64Array.from(other.data), zero, -1)
  const scale = own.real.map(
    (_, k) =>
      Math.hypot(foreign.real[k]!, foreign.imaginary[k]!) /
      Math.hypot(own.real[k]!, own.imaginary[k]!),
  )
  const expected = transform(
    own.real.map((value, k) => value * scale[k]!),
    own.imaginary.map((value, k) => value * scale[k]!),
    1,
  )
  // The inverse of a spectrum with the phase of a real image is real.
  expect(Math.max(...expected.imaginary.map(Math.abs))).toBeLessThan(1e-10)

  const images = g.input('images', 'float32', ['n', ...shape])
  const partners = g.input('partners', 'float32', ['n', ...shape])
  const session = await Session.load(
    toOnnx({ mixed: recombined(images, partners) }, [images, partners]),
  )
  const { mixed } = await session.run({ images: x, partners: other })
  expect(mixed!.data).toBeAllclose(
    expected.real.map((value) => value / 60),
    { rtol: 0, atol: 1e-5 },
  )
  const same = await session.run({ images: x, partners: float32(x.shape, x.data) })
  expect(same['mixed']!.data).toBeAllclose(x.data, { rtol: 0, atol: 1e-6 })
  await session.release()
})

test('without exchanged amplitudes it is standard training, with them it is not', async () => {
  const expected = await afterOneStep(standard)
  expect(await afterOneStep(apr, { probability: 0 })).toBeAllclose(expected, {
    rtol: 0,
    atol: 1e-6,
  })
  const mixed = await afterOneStep(apr, { probability: 1 })
  const change = Math.max(...mixed.map((value, i) => Math.abs(value - expected[i]!)))
  expect(change).toBeGreaterThan(0.01)
})
