/** The amplitude transform T of a threat model: how the host repeats it, and what parameters it permits. */
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { clipToBounds, createAmplitudeChange } from './amplitude-change.ts'
import type { AmplitudeEvidence } from './evidence.ts'
import type { ReferenceExamples } from './reference-examples.ts'
import type { AmplitudeTransform } from './threat-model.ts'

/**
 * T(x) of each input: clip(Re F⁻¹(s ⊙ ((1 − λ)·A(x) + λ·A(x₀))·e^{jP(x)})), computed in float64 one example at a time, so the same in any
 * batch.
 * @param inputs `[n, c, h, w]`
 * @param evidence as `checkAmplitudeEvidence` passes it
 */
export async function applyAmplitudeTransform(
  inputs: FloatTensor,
  evidence: AmplitudeEvidence,
  reference: ReferenceExamples,
  bounds: readonly [low: number, high: number],
): Promise<FloatTensor> {
  const [count = 0, channels = 1, height = 1, width = 1] = inputs.shape
  const change = createAmplitudeChange([channels, height, width])
  const size = channels * height * width
  const answer = new Float32Array(inputs.data.length)
  const image = new Float64Array(size)
  for (let row = 0; row < count; row++) {
    const of = ({ data }: FloatTensor): Float32Array => data.subarray(row * size, (row + 1) * size)
    const mix = evidence.mix[row]!
    const own = change.own(of(inputs))
    const place = evidence.distractors[row]!
    const mixture = mix > 0 ? change.withForeign(own, reference.select([place]).inputs.data) : own
    const scale = evidence.scale && of(evidence.scale)
    change.apply(mixture, { mix, ...(scale && { scale }) }, image)
    clipToBounds(bounds, image, answer.subarray(row * size, (row + 1) * size))
  }
  return tensor('float32', inputs.shape, answer)
}

/**
 * What breaks the form or the limits, in words; undefined if nothing does. Limits are those of the threat model, rounded to the nearest float32.
 * @param shape of the inputs `[n, c, h, w]`
 * @param referenceCount examples that x₀ may be
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
    return `expected distractors to be an Int32Array with a place for each of ${count} examples`
  }
  const highest = Math.fround(transform.mix)
  const tooMuch = mix.findIndex((value) => !(value >= 0 && value <= highest))
  if (tooMuch >= 0) {
    return `mix is ${mix[tooMuch]} for answer ${tooMuch}, but the threat model permits 0 to ${transform.mix}`
  }
  const astray = distractors.findIndex(
    (place, row) => mix[row]! > 0 && !(place >= 0 && place < referenceCount),
  )
  if (astray >= 0) {
    return `the distractor of answer ${astray} is ${distractors[astray]}, but the data set has examples 0 to ${referenceCount - 1}`
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
    return `expected scale to be a float32 tensor of shape [${shape.join(', ')}], got [${got?.join(', ') ?? ''}]`
  }
  const [low, high] = [Math.fround(1 - permitted), Math.fround(1 + permitted)]
  const at = data.findIndex((value) => !(value >= low && value <= high))
  if (at < 0) return undefined
  const answer = Math.floor((at * shape[0]!) / data.length)
  return `a scale of answer ${answer} is ${data[at]}, but the threat model permits ${1 - permitted} to ${1 + permitted}`
}
