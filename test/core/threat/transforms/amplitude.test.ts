/** Amplitude transforms: identities, the gradient in s, and rejected evidence. */
import { describe, expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { fourierTransform } from '../../../../core/threat/spectrum/fourier.ts'
import { amplitude, recombine, unitPhase } from '../../../../core/threat/spectrum/polar.ts'
import { float32, gatherRows } from '../../../../core/engine/tensor/tensor.ts'
import { createAmplitudeChange } from '../../../../core/threat/amplitude-change.ts'
import {
  applyAmplitudeTransform,
  checkAmplitudeEvidence,
} from '../../../../core/threat/transforms/amplitude.ts'
import type { AmplitudeEvidence } from '../../../../core/threat/transforms/amplitude.ts'
import { referenceExamples } from '../../../../core/threat/reference-examples.ts'
import { evaluate, randomImages } from '../../../support/spectra.ts'

const shape = [4, 3, 8, 6] as const
const inputs = randomImages(shape, 'inputs')
const reference = referenceExamples(randomImages([5, 3, 8, 6], 'reference'), new Int32Array(5))
const scale = float32(
  shape,
  randomImages(shape, 'scale').data.map((value) => 0.5 + value),
)
const evidence: AmplitudeEvidence = {
  kind: 'amplitude',
  mix: Float32Array.of(0, 0.25, 0.5, 0.5),
  distractors: Int32Array.of(-1, 4, 0, 2),
  scale,
}
const withoutScale = (changes: Partial<AmplitudeEvidence>): AmplitudeEvidence => ({
  kind: 'amplitude',
  mix: evidence.mix,
  distractors: evidence.distractors,
  ...changes,
})
const wide = [-100, 100] as const

test('the host computes the expression of the threat model, clipped to the bounds', async () => {
  const { data } = reference.select([0, 4, 0, 2]).inputs
  const { image } = await evaluate(
    { inputs, others: float32(shape, data), s: scale, mix: float32([4, 1, 1, 1], evidence.mix) },
    ({ inputs, others, s, mix }) => {
      const z = fourierTransform(inputs!)
      const [own, other] = [amplitude(z), amplitude(fourierTransform(others!))]
      const mixed = g.add(own, g.mul(mix!, g.sub(other, own)))
      return { image: g.clip(recombine(g.mul(s!, mixed), unitPhase(z)), 0, 1) }
    },
  )
  const result = await applyAmplitudeTransform(inputs, evidence, reference, [0, 1])
  expect(result.data).toBeAllclose(image!, { atol: 2e-5 })
  expect(result.data.some((value) => value === 0 || value === 1)).toBe(true)
})

test('with λ = 0 and s = 1 it is the identity, bit for bit', async () => {
  const none = withoutScale({ mix: new Float32Array(4), distractors: new Int32Array(4).fill(-1) })
  const ones = { ...none, scale: float32(shape, new Float32Array(576).fill(1)) }
  for (const neutral of [none, ones]) {
    expect(await applyAmplitudeTransform(inputs, neutral, reference, [0, 1])).toEqual(inputs)
  }
})

test('an image mixed with itself does not change', async () => {
  const own = withoutScale({ distractors: Int32Array.of(0, 1, 2, 3) })
  const itself = referenceExamples(inputs, new Int32Array(4))
  const result = await applyAmplitudeTransform(inputs, own, itself, [0, 1])
  expect(result.data).toBeAllclose(inputs.data, { atol: 1e-6, rtol: 0 })
})

test('the result is linear in λ, from the image to its phase and another amplitude', async () => {
  const at = async (mix: number): Promise<Float32Array> => {
    const some = withoutScale({
      mix: new Float32Array(4).fill(mix),
      distractors: Int32Array.of(1, 1, 1, 1),
    })
    return (await applyAmplitudeTransform(inputs, some, reference, wide)).data
  }
  const [quarter, whole] = [await at(0.25), await at(1)]
  const expected = inputs.data.map((value, i) => 0.75 * value + 0.25 * whole[i]!)
  expect(quarter).toBeAllclose(expected, { atol: 1e-6 })
})

test('the scales of a frequency and its negative have the effect of their mean', async () => {
  const symmetric = scale.data.map((value, at) => {
    const [plane, u, v] = [Math.floor(at / 48), Math.floor(at / 6) % 8, at % 6]
    return (value + scale.data[plane * 48 + ((8 - u) % 8) * 6 + ((6 - v) % 6)]!) / 2
  })
  const mean = { ...evidence, scale: float32(shape, symmetric) }
  const result = await applyAmplitudeTransform(inputs, mean, reference, wide)
  const expected = await applyAmplitudeTransform(inputs, evidence, reference, wide)
  expect(result.data).toBeAllclose(expected.data, { atol: 1e-6 })
})

test('each example has the same bits in any batch', async () => {
  const together = await applyAmplitudeTransform(inputs, evidence, reference, [0, 1])
  for (const rows of [[2], [3, 1]]) {
    const part = {
      kind: 'amplitude',
      mix: Float32Array.from(rows, (row) => evidence.mix[row]!),
      distractors: Int32Array.from(rows, (row) => evidence.distractors[row]!),
      scale: gatherRows(scale, rows),
    } as const
    const result = await applyAmplitudeTransform(gatherRows(inputs, rows), part, reference, [0, 1])
    expect(result).toEqual(gatherRows(together, rows))
  }
})

test('the gradient in s agrees with the engine', async () => {
  const [x, other] = [gatherRows(inputs, [0]), gatherRows(inputs, [1])]
  const upstream = randomImages([1, 3, 8, 6], 'upstream')
  const s = gatherRows(scale, [0])
  const { slope } = await evaluate({ x, other, s, upstream }, (values) => {
    const z = fourierTransform(values['x']!)
    const [own, foreign] = [amplitude(z), amplitude(fourierTransform(values['other']!))]
    const mixed = g.add(own, g.mul(g.sub(foreign, own), 0.3))
    const image = recombine(g.mul(values['s']!, mixed), unitPhase(z))
    return { slope: gradient(image, [values['s']!], { upstream: values['upstream']! })[0]! }
  })
  const change = createAmplitudeChange([3, 8, 6])
  const mixture = change.withForeign(change.own(x.data), other.data)
  const expected = change.scaleGradient(mixture, 0.3, Float64Array.from(upstream.data))
  expect(expected).toBeAllclose(slope!, { atol: 1e-5, rtol: 1e-4 })
})

describe('evidence', () => {
  const permitted = { kind: 'amplitude', mix: 0.5, scale: 0.6 } as const
  const check = (changes: Partial<AmplitudeEvidence>): string | undefined =>
    checkAmplitudeEvidence(permitted, { ...evidence, ...changes }, shape, 5)

  test('within the limits is accepted, with or without scales', () => {
    expect(check({})).toBeUndefined()
    expect(checkAmplitudeEvidence(permitted, withoutScale({}), shape, 5)).toBeUndefined()
  })

  test('at the limits, rounded to float32, is accepted', () => {
    const limits = { kind: 'amplitude', mix: 0.3, scale: 0.1 } as const
    const extreme = {
      ...evidence,
      mix: new Float32Array(4).fill(0.3),
      distractors: new Int32Array(4),
      scale: float32(shape, new Float32Array(576).fill(1.1)),
    }
    expect(checkAmplitudeEvidence(limits, extreme, shape, 5)).toBeUndefined()
  })

  test.each([
    [
      { mix: Float32Array.of(0, 0.25, 0.51, 0.5) },
      'mix is 0.5099999904632568 in row 2, but the threat model permits 0 to 0.5',
    ],
    [
      { mix: Float32Array.of(-0.1, 0, 0, 0) },
      'mix is -0.10000000149011612 in row 0, but the threat model permits 0 to 0.5',
    ],
    [
      { mix: Float32Array.of(Number.NaN, 0, 0, 0) },
      'mix is NaN in row 0, but the threat model permits 0 to 0.5',
    ],
    [
      { mix: new Float32Array(3) },
      'expected mix to be a Float32Array with a λ for each of 4 examples',
    ],
    [
      { distractors: new Int32Array(5) },
      'expected distractors to be an Int32Array with a position for each of 4 examples',
    ],
    [
      { distractors: Int32Array.of(-1, 5, 0, 0) },
      'the distractor in row 1 is 5, but the data set has examples 0 to 4',
    ],
    [
      { scale: float32([4, 3, 8, 3], new Float32Array(288)) },
      'expected scale to be a float32 tensor of shape [4, 3, 8, 6], got [4, 3, 8, 3]',
    ],
    [
      { scale: float32(shape, new Float32Array(576).fill(1).fill(2, 300, 301)) },
      'a scale in row 2 is 2, but the threat model permits 0.4 to 1.6',
    ],
  ] as const)('beyond a limit is rejected: %j', (changes, message) => {
    expect(check(changes)).toBe(message)
  })
})
