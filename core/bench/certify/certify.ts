/** Certified L2 radii of a smoothed classifier. */
import { randomStream } from '../../base/random.ts'
import type { RandomStream } from '../../base/random.ts'
import type { Dataset } from '../../data/dataset.ts'
import { float32, sizeOf } from '../../engine/tensor/tensor.ts'
import type { Model } from '../../model/model.ts'
import { predictions } from '../../model/predictions.ts'
import { lowerConfidenceBound } from '../metrics/clopper-pearson.ts'
import { wilsonInterval } from '../metrics/interval.ts'
import type { Interval } from '../metrics/interval.ts'
import { normalQuantile } from '../metrics/normal-distribution.ts'

/** How to certify. */
export interface CertifyOptions {
  /** σ of the noise, in input units. */
  readonly sigma: number
  /** n0: draws that choose the class. */
  readonly selectionDraws: number
  /** n: draws that bound its probability. */
  readonly draws: number
  /** α: largest probability that a certificate is wrong, per example. */
  readonly alpha: number
  readonly seed: number
  /** Noisy images per pass; does not change any outcome. */
  readonly batchSize: number
}

/** The certificate of one example. */
export interface Certificate {
  readonly label: number
  /** Class of the smoothed classifier; −1 if it abstains. */
  readonly predicted: number
  /** L2 radius within which the prediction does not change; 0 if it abstains. */
  readonly radius: number
  /** Draws of the second sample that fell in the class of the first. */
  readonly votes: number
}

/** Certified accuracy at a radius. */
export interface CertifiedAccuracy {
  /** L2, in input units. */
  readonly epsilon: number
  /** Share of all examples that are classified correctly with a radius of at least ε. */
  readonly accuracy: number
  /** 95 % Wilson interval over the examples. */
  readonly interval: Interval
}

/**
 * Certifies one example: n0 noisy copies choose the most frequent class, n others bound its
 * probability from below by p, with confidence 1 − α. The radius is σ·Φ⁻¹(p); if p ≤ ½, it
 * abstains. Cost: n0 + n forward passes.
 * @param model the base classifier, deterministic
 * @param image `[c · h · w]`; noisy copies are not clipped
 * @param example names the random stream
 * @see Cohen et al. 2019, arXiv:1902.02918, CERTIFY and theorem 1
 */
export async function certifyExample(
  model: Model,
  image: Float32Array,
  label: number,
  example: number,
  options: CertifyOptions,
): Promise<Certificate> {
  const { sigma, selectionDraws, draws, alpha, seed } = options
  const stream = (name: string): RandomStream => randomStream(seed, 'certify', name, example)
  const first = await countVotes(model, image, selectionDraws, stream('selection'), options)
  const chosen = first.indexOf(Math.max(...first))
  const second = await countVotes(model, image, draws, stream('estimation'), options)
  const votes = second[chosen]!
  const probability = lowerConfidenceBound(votes, draws, alpha)
  if (probability <= 0.5) return { label, predicted: -1, radius: 0, votes }
  return { label, predicted: chosen, radius: sigma * normalQuantile(probability), votes }
}

/**
 * Certifies the first `count` examples.
 * @param progress called after each example
 */
export async function certifyExamples(
  model: Model,
  data: Pick<Dataset, 'rows' | 'labels'>,
  count: number,
  options: CertifyOptions,
  progress: (done: number) => void = () => {},
): Promise<Certificate[]> {
  const certificates: Certificate[] = []
  for (let example = 0; example < count; example++) {
    const { data: image } = data.rows([example])
    certificates.push(await certifyExample(model, image, data.labels[example]!, example, options))
    progress(example + 1)
  }
  return certificates
}

/** Certified accuracy at a radius, over all examples. */
export function certifiedAccuracy(
  certificates: readonly Certificate[],
  epsilon: number,
): CertifiedAccuracy {
  const certified = certificates.filter(
    ({ label, predicted, radius }) => predicted === label && radius >= epsilon,
  ).length
  return {
    epsilon,
    accuracy: certificates.length === 0 ? 0 : certified / certificates.length,
    interval: wilsonInterval(certified, certificates.length),
  }
}

/** How often each class is predicted among noisy copies of an image. */
async function countVotes(
  model: Model,
  image: Float32Array,
  draws: number,
  random: RandomStream,
  { sigma, batchSize }: CertifyOptions,
): Promise<number[]> {
  const counts = Array.from({ length: model.classes }, () => 0)
  const size = sizeOf(model.inputShape)
  const noise = new Float64Array(size)
  for (let start = 0; start < draws; start += batchSize) {
    const rows = Math.min(batchSize, draws - start)
    const data = new Float32Array(rows * size)
    for (let row = 0; row < rows; row++) {
      random.fillNormal(noise)
      for (let i = 0; i < size; i++) data[row * size + i] = image[i]! + sigma * noise[i]!
    }
    const logits = await model.logits(float32([rows, ...model.inputShape], data))
    for (const predicted of predictions(logits)) counts[predicted]! += 1
  }
  return counts
}
