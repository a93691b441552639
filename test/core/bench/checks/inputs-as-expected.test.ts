/** Readings that a sample leaves open are decided on further examples. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../../core/base/random.ts'
import type { Check } from '../../../../core/bench/checks/check.ts'
import { nameFinding } from '../../../../core/bench/checks/check.ts'
import { inputsAsExpected } from '../../../../core/bench/checks/inputs-as-expected.ts'
import { ProbeSession } from '../../../../core/bench/checks/probe-session.ts'
import { gatherRows, tensor } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel } from '../../../../core/testing/linear-model.ts'

const count = 512
const size = 4

/**
 * Gray images with some color. The model weighs red, green, and blue by 0.6, 0.3, and 0.1, and is
 * right on images whose channels are in this order.
 */
const stream = randomStream('inputs-as-expected')
const rgb = new Float32Array(count * 3 * size)
const labels = new Int32Array(count)
for (let row = 0; row < count; row++) {
  const gray = stream.uniform()
  let score = 0
  for (let i = 0; i < 3 * size; i++) {
    const channel = Math.floor(i / size)
    // One color for the whole image.
    const color = i % size === 0 ? 0.4 * (stream.uniform() - 0.5) : 0
    const value = i % size === 0 ? gray + color : rgb[row * 3 * size + i - 1]!
    rgb[row * 3 * size + i] = value
    score += [0.6, 0.3, 0.1][channel]! * (value - 0.5)
  }
  labels[row] = score > 0 ? 1 : 0
}
const weights = Float64Array.from({ length: 2 * 3 * size }, (_, i) => {
  const sign = i < 3 * size ? -1 : 1
  return (sign * [0.6, 0.3, 0.1][Math.floor((i % (3 * size)) / size)]!) / size
})
const bias = Float64Array.of(0.5, -0.5)
const model = new LinearModel({ inputShape: [3, 2, 2], classes: 2, weights, bias })
const images = tensor('float32', [count, 3, 2, 2], rgb)
const swapped = tensor(
  'float32',
  images.shape,
  rgb.map((_, i) => {
    const channel = Math.floor(i / size) % 3
    return rgb[i + (2 - 2 * channel) * size]!
  }),
)

/** The check on the first 64 images. @param further how many of the others there are */
async function check(all: typeof images, further: number): Promise<Check> {
  const sample = Int32Array.from({ length: 64 }, (_, row) => row)
  const others = Int32Array.from({ length: further }, (_, row) => 64 + row)
  const session = await ProbeSession.open({
    model,
    inputs: gatherRows(all, sample),
    labels: labels.slice(0, 64),
    threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
    rng: { stream: (row) => randomStream(row) },
    batchSize: 64,
    signal: new AbortController().signal,
    searchAttack: () => Promise.reject(new Error('the check does not search')),
    further: (most) => ({
      inputs: gatherRows(all, others.slice(0, most)),
      labels: labels.slice(64, 64 + Math.min(most, further)),
    }),
  })
  return nameFinding(inputsAsExpected, await inputsAsExpected.measure(session))
}

test('images in the order BGR: 64 leave it open, 448 others show it', async () => {
  expect(await check(swapped, 0)).toMatchObject({ verdict: 'pass' })
  const { verdict, evidence, value } = await check(swapped, 448)
  expect(verdict).toBe('fail')
  expect(value).toBeGreaterThan(0.05)
  expect(value).toBeLessThan(0.2)
  expect(evidence).toMatch(
    /^the accuracy on 448 further examples is \d+\.\d %; with the channels in the order BGR it would be 100\.0 %$/,
  )
})

test('few further examples are not enough', async () => {
  expect(await check(swapped, 40)).toMatchObject({ verdict: 'pass' })
})

test('images in the order RGB raise nothing', async () => {
  expect(await check(images, 448)).toMatchObject({
    verdict: 'pass',
    evidence:
      'the accuracy on 64 examples is 100.0 %, and no other reading of the images makes it clearly higher',
  })
})
