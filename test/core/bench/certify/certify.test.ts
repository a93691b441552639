/** Certificates of a linear classifier, whose smoothed probabilities are known exactly. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  certifiedAccuracy,
  certifyExample,
  certifyExamples,
} from '../../../../core/bench/certify/certify.ts'
import type { CertifyOptions } from '../../../../core/bench/certify/certify.ts'
import { lowerConfidenceBound } from '../../../../core/bench/metrics/clopper-pearson.ts'
import { normalCdf, normalQuantile } from '../../../../core/bench/metrics/normal-distribution.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import type { Model } from '../../../../core/model/model.ts'

const shape = [1, 2, 2] as const
/** w of class 1's logit w·x − b; class 0 has the logit 0. ‖w‖ = 5. */
const weights = [1, -2, 2, 4]
const length = 5

let model: Model
beforeAll(async () => {
  const x = g.input('x', 'float32', ['n', ...shape])
  const flat = g.op('Flatten', [x])[0]!
  const score = g.sub(g.matMul(flat, g.floats([4, 1], weights)), 2)
  model = await loadModel(
    toOnnx({ logits: g.concat([g.mul(score, 0), score], 1) }, [x]),
    plainManifest,
  )
})
afterAll(() => model.dispose())

const options: CertifyOptions = {
  sigma: 0.25,
  selectionDraws: 100,
  draws: 1000,
  alpha: 0.001,
  seed: 0,
  batchSize: 100,
}

/** An image at that signed distance from the boundary, on the side of class 1 if it is positive. */
function imageAt(distance: number): Float32Array {
  return Float32Array.from(weights, (w) => (w * (2 + distance * length)) / length ** 2)
}

test.each([0.1, 0.25, 0.4, -0.3, -0.5])(
  'at distance %f the votes follow Φ, and the radius stays below the distance',
  async (distance) => {
    const found = await certifyExample(model, imageAt(distance), 1, 0, options)
    const { sigma, draws, alpha } = options
    const share = normalCdf(Math.abs(distance) / sigma)
    // The draws are fixed by the seed; 4 standard deviations of a binomial count.
    const spread = Math.sqrt(draws * share * (1 - share))
    expect(Math.abs(found.votes - draws * share)).toBeLessThan(4 * spread)
    expect(found.predicted).toBe(distance > 0 ? 1 : 0)
    const bound = lowerConfidenceBound(found.votes, draws, alpha)
    expect(found.radius).toBe(sigma * normalQuantile(bound))
    // The smoothed classifier of a linear one is robust up to exactly the distance.
    expect(found.radius).toBeLessThanOrEqual(Math.abs(distance))
    expect(found.radius).toBeGreaterThan(0.4 * Math.abs(distance))
  },
)

test('at the boundary it abstains', async () => {
  const found = await certifyExample(model, imageAt(0.005), 1, 0, options)
  expect({ ...found, votes: 0 }).toEqual({ label: 1, predicted: -1, radius: 0, votes: 0 })
})

test('the batch size changes nothing, the example and the seed change the draws', async () => {
  const image = imageAt(0.1)
  const votes = async (example: number, changes: Partial<CertifyOptions> = {}): Promise<number> =>
    (await certifyExample(model, image, 1, example, { ...options, ...changes })).votes
  const first = await votes(0)
  expect(await votes(0, { batchSize: 7 })).toBe(first)
  const others = [await votes(1), await votes(2), await votes(0, { seed: 1 })]
  expect(new Set([first, ...others]).size).toBeGreaterThan(1)
})

test('certified accuracy counts correct examples with at least that radius', async () => {
  const distances = [0.3, 0.3, 0.1, -0.3, 0.001]
  const images = distances.map(imageAt)
  const data = {
    // The second is labeled wrongly, the fourth correctly.
    labels: Int32Array.of(1, 0, 1, 0, 1),
    rows: (indices: ArrayLike<number>) => float32([1, ...shape], images[indices[0]!]!),
  }
  const certificates = await certifyExamples(model, data, 5, options)
  expect(certificates.map(({ predicted }) => predicted)).toEqual([1, 1, 1, 0, -1])
  expect(certifiedAccuracy(certificates, 0)).toMatchObject({ epsilon: 0, accuracy: 3 / 5 })
  expect(certifiedAccuracy(certificates, 0.15).accuracy).toBe(2 / 5)
  expect(certifiedAccuracy(certificates, 0.31).accuracy).toBe(0)
  // Wilson's interval of 3 in 5.
  const { low, high } = certifiedAccuracy(certificates, 0).interval
  expect([low, high]).toBeAllclose([0.2307, 0.8824], { rtol: 0, atol: 1e-4 })
})
