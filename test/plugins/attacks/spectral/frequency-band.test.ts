/** PGD within a band: equal to PGD without a filter; perturbations are limited to band and ball. */
import { describe, expect, test } from 'vitest'
import {
  ascendWithinBand,
  radiusOfKeptEnergy,
} from '../../../../plugins/attacks/spectral/frequency-band.ts'
import type { FrequencyBandOptions } from '../../../../plugins/attacks/spectral/frequency-band.ts'
import { projectedGradient } from '../../../../plugins/attacks/gradient/projected-gradient.ts'
import { projectedGradientCost } from '../../../../plugins/attacks/gradient/projected-gradient-options.ts'
import type { AttackTask } from '../../../../core/attack/task.ts'

import { createImageFilter } from '../../../../core/threat/spectrum/radial-filter.ts'
import type { RadialBand } from '../../../../core/threat/spectrum/radial-mask.ts'
import { highFrequencyEnergy } from '../../../../core/threat/spectrum/spectral-energy.ts'
import { float32, sliceRows } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import type { LinearClassifier } from '../../../../core/testing/index.ts'

import type { ThreatModel } from '../../../../core/threat/threat-model.ts'
import { verifyInside } from '../../../../core/threat/verify.ts'
import { predictedTask } from '../../../support/attack-task.ts'
import { randomImages } from '../../../support/spectra.ts'

const shape = [3, 8, 8] as const
const size = 192
const plain: FrequencyBandOptions = {
  variant: 'perturbation',
  band: { band: 'high', radius: 3 },
  projection: 'alternating',
  strength: 1,
  steps: 6,
  stepSize: 0.01,
  randomStart: true,
  restarts: 1,
  loss: 'margin',
  goal: 'untargeted',
  target: 'random',
}
const linf: ThreatModel = { norm: 'Linf', epsilon: 0.03, bounds: [0, 1] }
const l2: ThreatModel = { norm: 'L2', epsilon: 0.3, bounds: [0, 1] }

/** Random images; a span below 1 keeps them away from the bounds. */
function makeTask(
  threatModel: ThreatModel,
  classifier: LinearClassifier = randomLinearClassifier(shape, 4, 3),
  span = 1,
): Promise<AttackTask> {
  const images = randomImages([12, ...shape], 'frequency band')
  const inputs = float32(
    images.shape,
    images.data.map((value) => 0.5 + span * (value - 0.5)),
  )
  return predictedTask({ model: new LinearModel(classifier), inputs, threatModel, batchSize: 5 })
}

/** x′ − x */
function perturbations({ inputs }: AttackTask, points: { readonly data: Float32Array }) {
  return float32(
    inputs.shape,
    points.data.map((value, i) => value - inputs.data[i]!),
  )
}

describe.each([linf, l2])('in $norm', (threatModel) => {
  test('without a filter (radius 0) it equals PGD byte for byte', async () => {
    const options = { ...plain, steps: 3, stepSize: threatModel.epsilon / 4, restarts: 2 }
    const band: RadialBand = { band: 'high', radius: 0, mask: 'gaussian' }
    const task = await makeTask(threatModel)
    const { adversarial } = await ascendWithinBand(task, { ...options, band })
    expect(adversarial).toEqual(await projectedGradient(task, options))
  })

  test.each([
    { band: 'high', radius: 3 },
    { band: 'high', radius: 3, mask: 'gaussian' },
    { band: 'low', radius: 2, mask: 'butterworth' },
    { band: 'band', radius: 1, outerRadius: 3 },
  ] as const)('points of every variant are in ball and bounds: %j', async (band) => {
    for (const variant of ['perturbation', 'emphasis', 'high-pass-only'] as const) {
      const task = await makeTask(threatModel)
      const { adversarial } = await ascendWithinBand(task, { ...plain, band, variant })
      for (let row = 0; row < 12; row++) {
        const [center, point] = [task.inputs, adversarial].map(
          (of) => sliceRows(of, row, row + 1).data,
        )
        expect(verifyInside(threatModel, center!, point!)).toBeUndefined()
      }
    }
  })

  test('away from the bounds the perturbation is limited to its band', async () => {
    // The ball is so small that no example is fooled and all steps are taken.
    const small = { ...threatModel, epsilon: threatModel.epsilon / 10 }
    const task = await makeTask(small, undefined, 0.5)
    const options = { ...plain, stepSize: small.epsilon / 4 }
    const high = await ascendWithinBand(task, options)
    const shares = highFrequencyEnergy(perturbations(task, high.adversarial), 3)
    for (const share of shares) expect(share).toBeGreaterThan(1 - 1e-6)
    const low = await ascendWithinBand(task, { ...options, band: { band: 'low', radius: 3 } })
    for (const share of highFrequencyEnergy(perturbations(task, low.adversarial), 3)) {
      expect(share).toBeLessThan(1e-6)
    }
  })

  test('clipping at the bounds leaks at most 2 % of the energy', async () => {
    const task = await makeTask(threatModel)
    const { adversarial } = await ascendWithinBand(task, plain)
    for (const share of highFrequencyEnergy(perturbations(task, adversarial), 3)) {
      expect(share).toBeGreaterThan(0.98)
    }
  })
})

describe('the projection onto band and ball', () => {
  /** Root mean square of each row of δ after 10 steps, divided by ε; δ has 1×32×32 components. */
  async function usedBudget(band: RadialBand, projection: 'alternating' | 'rescale') {
    const classifier = randomLinearClassifier([1, 32, 32], 2, 3)
    const images = randomImages([4, 1, 32, 32], 'used budget')
    const inputs = float32(
      images.shape,
      images.data.map((value) => 0.25 + value / 2),
    )
    const model = new LinearModel(classifier)
    // The ball is so small that all steps are taken.
    const task = await predictedTask({ model, inputs, threatModel: { ...linf, epsilon: 1e-4 } })
    const options = { ...plain, band, projection, steps: 10, stepSize: 2.5e-5 }
    const delta = perturbations(task, (await ascendWithinBand(task, options)).adversarial)
    return Array.from({ length: 4 }, (_, row) => {
      const { data } = sliceRows(delta, row, row + 1)
      return Math.hypot(...data) / Math.sqrt(data.length) / 1e-4
    })
  }

  test.each([
    [{ band: 'high', radius: 8 }, 0.84, 0.71],
    [{ band: 'low', radius: 8 }, 0.6, 0.49],
    [{ band: 'band', radius: 4, outerRadius: 12 }, 0.66, 0.46],
  ] as const)('uses more of the ball when it alternates: %j', async (band, more, less) => {
    for (const used of await usedBudget(band, 'alternating')) expect(used).toBeGreaterThan(more)
    for (const used of await usedBudget(band, 'rescale')) expect(used).toBeLessThan(less)
  })

  test('is the same for both options with a mask that is not a projection, and in L2', async () => {
    const gradual = { ...plain, band: { ...plain.band, mask: 'gaussian' } } as const
    for (const [threatModel, options] of [
      [linf, gradual],
      [l2, plain],
    ] as const) {
      const task = await makeTask(threatModel)
      const rescaled = await ascendWithinBand(task, { ...options, projection: 'rescale' })
      expect(await ascendWithinBand(task, options)).toEqual(rescaled)
    }
  })
})

test('in L2 it finds the best perturbation within the band of a linear model', async () => {
  const classifier = { ...randomLinearClassifier(shape, 2, 3) }
  const task = await makeTask({ ...l2, epsilon: 0.01 }, classifier, 0.5)
  const options = { ...plain, randomStart: false, steps: 2, stepSize: 0.01 }
  const { margins, fooled } = await ascendWithinBand(task, options)
  // max ⟨w, δ⟩ over δ = F(δ), ‖δ‖ ≤ ε is ε·‖F(w)‖.
  const direction = Float64Array.from(
    { length: size },
    (_, i) => classifier.weights[size + i]! - classifier.weights[i]!,
  )
  createImageFilter(plain.band, shape)(direction, direction)
  const gain = 0.01 * Math.hypot(...direction)
  const { data } = await task.model.logits(task.inputs)
  task.labels.forEach((label, row) => {
    const clean = data[2 * row + 1 - label]! - data[2 * row + label]!
    expect(margins[row]).toBeCloseTo(clean + gain, 3)
    expect(fooled[row]).toBe(clean + gain > 0 ? 1 : 0)
  })
})

test('the cost of an example that is never fooled is that of PGD', async () => {
  for (const variant of ['perturbation', 'emphasis'] as const) {
    const task = await makeTask({ ...linf, epsilon: 1e-4 }, undefined, 0.5)
    const options = { ...plain, variant, stepSize: 1e-4, strength: 0.01 }
    const before = { ...task.model.passes }
    const { fooled } = await ascendWithinBand(task, options)
    expect(fooled).toEqual(new Uint8Array(12))
    const { forward, backward } = projectedGradientCost(options)
    expect(task.model.passes.forward - before.forward).toBe(12 * forward)
    expect(task.model.passes.backward - before.backward).toBe(12 * backward)
  }
})

test('emphasis of strength 0 equals PGD', async () => {
  const task = await makeTask(linf)
  const emphasis = await ascendWithinBand(task, { ...plain, variant: 'emphasis', strength: 0 })
  expect(emphasis.adversarial).toEqual(await projectedGradient(task, plain))
})

test('the radius of kept energy is the same for any part of the data set', async () => {
  const task = await makeTask(linf)
  const part = { ...task, inputs: sliceRows(task.inputs, 3, 5), labels: task.labels.slice(3, 5) }
  expect(radiusOfKeptEnergy(part, 0.95)).toBe(radiusOfKeptEnergy(task, 0.95))
  expect(radiusOfKeptEnergy(task, 0.6)).toBeLessThan(radiusOfKeptEnergy(task, 0.95))
})
