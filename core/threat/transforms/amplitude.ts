/** Fourier amplitudes mixed with those of other images, and scaled; phases stay. */
import { sizeOf, tensor } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { clipToBounds, createAmplitudeChange } from '../amplitude-change.ts'
import { epsilonSlug, formatEpsilon } from '../epsilon.ts'
import type { ReferenceExamples } from '../reference-examples.ts'
import type { TransformRecord } from './transform-record.ts'

/**
 * T(x) = clip(Re F⁻¹(s ⊙ ((1 − λ)·A(x) + λ·A(x₀)) · e^{j·P(x)})) with A and P the amplitude and
 * phase of the Fourier transform per channel: x₀ is any example of the data set, 0 ≤ λ ≤ `mix`, and
 * each |s − 1| ≤ `scale`.
 */
export interface AmplitudeTransform {
  readonly kind: 'amplitude'
  /** Largest λ, from 0 to 1. */
  readonly mix: number
  /** ρ, the largest |s − 1|, from 0 to 1. */
  readonly scale: number
}

/** The parameters of T that an attack used for each example. */
export interface AmplitudeEvidence {
  readonly kind: 'amplitude'
  /** `[n]`: λ. */
  readonly mix: Float32Array
  /** `[n]`: the position of x₀ in the data set; ignored where λ = 0. */
  readonly distractors: Int32Array
  /** `[n, c, h, w]`: s, with frequency 0 first (no shift); default: all ones. */
  readonly scale?: FloatTensor
}

const fraction = { type: 'number', minimum: 0, maximum: 1 } as const

/** See `AmplitudeTransform`. */
export const amplitudeKind = {
  kind: 'amplitude',
  adversarial: true,
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['kind', 'mix', 'scale'],
    properties: { kind: { const: 'amplitude' }, mix: fraction, scale: fraction },
  },
  example: '{"kind": "amplitude", "mix": 0.5, "scale": 0.5}',
  check: () => undefined,
  checkEvidence: (transform: AmplitudeTransform, evidence: AmplitudeEvidence, shape, context) =>
    checkAmplitudeEvidence(transform, evidence, shape, context.reference.count),
  apply: (inputs: FloatTensor, evidence: AmplitudeEvidence, { reference, bounds }) =>
    applyAmplitudeTransform(inputs, evidence, reference, bounds),
  describe({ mix, scale }: AmplitudeTransform) {
    const limits = `λ ≤ ${formatEpsilon(mix)}, ρ ≤ ${formatEpsilon(scale)}`
    return { title: `amplitude (${limits})`, phrase: describeChange(mix, scale) }
  },
  slug: ({ mix, scale }: AmplitudeTransform) =>
    `amplitude-${epsilonSlug(mix)}-${epsilonSlug(scale)}`,
} as const satisfies TransformRecord<AmplitudeTransform, AmplitudeEvidence>

/**
 * T(x) of each input, computed in float64 one example at a time, so each example gets the same
 * bits in any batch.
 * @param inputs `[n, c, h, w]`
 * @param evidence accepted by `checkAmplitudeEvidence`
 */
export async function applyAmplitudeTransform(
  inputs: FloatTensor,
  evidence: AmplitudeEvidence,
  reference: ReferenceExamples,
  bounds: readonly [low: number, high: number],
): Promise<FloatTensor> {
  const [count = 0, channels = 1, height = 1, width = 1] = inputs.shape
  const change = createAmplitudeChange([channels, height, width], bounds[0])
  const size = channels * height * width
  const output = new Float32Array(inputs.data.length)
  const image = new Float64Array(size)
  for (let row = 0; row < count; row++) {
    const of = ({ data }: FloatTensor): Float32Array => data.subarray(row * size, (row + 1) * size)
    const mix = evidence.mix[row]!
    const own = change.own(of(inputs))
    const distractor = evidence.distractors[row]!
    const mixture =
      mix > 0 ? change.withForeign(own, reference.select([distractor]).inputs.data) : own
    const scale = evidence.scale && of(evidence.scale)
    change.apply(mixture, { mix, ...(scale && { scale }) }, image)
    clipToBounds(bounds, image, output.subarray(row * size, (row + 1) * size))
  }
  return tensor('float32', inputs.shape, output)
}

/**
 * Describes the first mistake in the evidence; undefined if it is valid. The limits are those of
 * the threat model, rounded to the nearest float32.
 * @param shape of the inputs `[n, c, h, w]`
 * @param referenceCount number of examples that x₀ can be
 */
export function checkAmplitudeEvidence(
  transform: AmplitudeTransform,
  evidence: AmplitudeEvidence,
  shape: readonly number[],
  referenceCount: number,
): string | undefined {
  const count = shape[0] ?? 0
  const { mix, distractors, scale } = evidence as Partial<AmplitudeEvidence>
  if (!(mix instanceof Float32Array) || mix.length !== count) {
    return `expected mix to be a Float32Array with a λ for each of ${count} examples`
  }
  if (!(distractors instanceof Int32Array) || distractors.length !== count) {
    return `expected distractors to be an Int32Array with a position for each of ${count} examples`
  }
  const highest = Math.fround(transform.mix)
  const tooMuch = mix.findIndex((value) => !(value >= 0 && value <= highest))
  if (tooMuch >= 0) {
    return (
      `mix is ${mix[tooMuch]} in row ${tooMuch}, ` +
      `but the threat model permits 0 to ${transform.mix}`
    )
  }
  const outside = distractors.findIndex(
    (position, row) => mix[row]! > 0 && !(position >= 0 && position < referenceCount),
  )
  if (outside >= 0) {
    return (
      `the distractor in row ${outside} is ${distractors[outside]}, ` +
      `but the data set has examples 0 to ${referenceCount - 1}`
    )
  }
  return scale === undefined ? undefined : checkScale(transform.scale, scale, shape)
}

function checkScale(
  permitted: number,
  scale: Partial<FloatTensor>,
  shape: readonly number[],
): string | undefined {
  const { data, shape: got } = scale
  const fits = data instanceof Float32Array && data.length === sizeOf(shape)
  if (!fits || got?.join() !== shape.join()) {
    return (
      `expected scale to be a float32 tensor of shape [${shape.join(', ')}], ` +
      `got [${got?.join(', ') ?? ''}]`
    )
  }
  const [low, high] = [Math.fround(1 - permitted), Math.fround(1 + permitted)]
  const at = data.findIndex((value) => !(value >= low && value <= high))
  if (at < 0) return undefined
  const row = Math.floor((at * shape[0]!) / data.length)
  return (
    `a scale in row ${row} is ${data[at]}, ` +
    `but the threat model permits ${1 - permitted} to ${1 + permitted}`
  )
}

function describeChange(mix: number, scale: number): string {
  const changes: string[] = []
  if (mix > 0) {
    const limit = formatEpsilon(mix)
    changes.push(`mix the Fourier amplitude of an image with that of another one (λ ≤ ${limit})`)
  }
  if (scale > 0) {
    const object = mix > 0 ? 'each amplitude' : 'each Fourier amplitude of an image'
    changes.push(`scale ${object} by up to ±${formatEpsilon(scale)}`)
  }
  return changes.length === 0
    ? 'leave the Fourier amplitude of an image unchanged'
    : `${changes.join(' and ')}, its phase untouched`
}
