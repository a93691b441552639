/** The attacks in the frequency domain, run by the host: which band breaks what, transforms that are repeated, wrong options. */
import { describe, expect, test } from 'vitest'
import { predictions } from '../../../../core/model/predictions.ts'
import type { AttackPlugin } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import { createImageFilter } from '../../../../core/threat/spectrum/radial-filter.ts'
import type { RadialBand } from '../../../../core/threat/spectrum/radial-mask.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'
import { amplitudeMix } from '../../../../plugins/attacks/spectral/amplitude-mix.ts'
import { highPass } from '../../../../plugins/attacks/spectral/high-pass.ts'
import { highPassSweep } from '../../../../plugins/attacks/spectral/high-pass-sweep.ts'
import { withOptions } from '../../../support/attack-request.ts'
import { randomImages } from '../../../support/spectra.ts'

const shape = [1, 8, 8] as const
const count = 16
const linf: ThreatModel = { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] }

/** Two classes told apart by frequencies of one band only. */
function bandModel(band: RadialBand): LinearModel {
  const classifier = randomLinearClassifier(shape, 2, 5)
  const filter = createImageFilter(band, shape)
  for (const row of [0, 1]) {
    const weights = classifier.weights.subarray(row * 64, (row + 1) * 64)
    filter(weights.slice(), weights)
  }
  return new LinearModel({ ...classifier, bias: new Float64Array(2) })
}

async function attack(
  plugin: AttackPlugin<never>,
  options: Readonly<Record<string, unknown>>,
  model: LinearModel = new LinearModel(randomLinearClassifier(shape, 3, 5)),
  threatModel = linf,
): Promise<HostedResult> {
  const inputs = randomImages([count, ...shape], 'attacked')
  const labels = predictions(await model.logits(inputs))
  return runAttack({
    ...withOptions(plugin, options),
    model,
    inputs,
    labels,
    cleanPredictions: labels,
    exampleIndices: Array.from(labels.keys()),
    threatModel,
    seed: 0,
    batchSize: 5,
    signal: new AbortController().signal,
  })
}

const broken = (outcomes: string): number => outcomes.split('b').length - 1

describe('a model that looks at one band only', () => {
  test('is broken within that band, and not outside of it', async () => {
    const model = bandModel({ band: 'low', radius: 2 })
    const options = { steps: 10, radius: 2 }
    const low = await attack(highPass, { ...options, band: 'low' }, model)
    const high = await attack(highPass, { ...options, band: 'high' }, model)
    expect(broken(low.outcomes)).toBeGreaterThan(count / 2)
    // Only what is cut off at the bounds reaches the low band.
    expect(broken(high.outcomes)).toBeLessThan(broken(low.outcomes) / 2)
  })

  test('is swept over all bands, and each stage says what it broke', async () => {
    const model = bandModel({ band: 'low', radius: 2 })
    const { outcomes, stages } = await attack(highPassSweep, { steps: 10, radius: 2 }, model)
    expect(stages?.map(({ name }) => name)).toEqual(['high 2', 'low 2', 'band 1-3'])
    const [high, low, all] = stages!.map((stage) => broken(stage.outcomes))
    expect(low).toBeGreaterThan(high!)
    expect(all).toBe(broken(outcomes))
    const one = await attack(highPass, { steps: 10, radius: 2, band: 'low' }, model)
    expect(broken(outcomes)).toBeGreaterThanOrEqual(broken(one.outcomes))
  })
})

describe('high-pass', () => {
  test('takes a quarter of the side as its radius, and a quarter of epsilon as its step', async () => {
    const stated = { steps: 3, radius: 2, stepSize: 0.025 }
    expect(await attack(highPass, { steps: 3 })).toEqual(await attack(highPass, stated))
  })

  test('takes the radius below which the data keep their energy', async () => {
    const byEnergy = await attack(highPass, { steps: 3, keptEnergy: 1 })
    // The farthest bin of 8×8 is at √32.
    expect(byEnergy).toEqual(await attack(highPass, { steps: 3, radius: 6 }))
  })

  test.each([
    [
      { radius: 3, keptEnergy: 0.9 },
      'expected radius or keptEnergy, got both (3 and 0.9); remove one',
    ],
    [
      { radius: 3, outerRadius: 5 },
      'expected a radius of 0 or more and no outer radius, got 3 and 5',
    ],
    [{ band: 'band', radius: 3, outerRadius: 2 }, 'and an outer radius above it, got 3 and 2'],
  ])('refuses what makes no band: %j', async (options, message) => {
    await expect(attack(highPass, options)).rejects.toThrow(message)
  })
})

describe('amplitude-mix', () => {
  const amplitudes: ThreatModel = {
    ...linf,
    epsilon: 0,
    transform: { kind: 'amplitude', mix: 0.4, scale: 0.3 },
  }

  test('answers with transforms that the host finds the same and permitted', async () => {
    const { outcomes } = await attack(amplitudeMix, {}, undefined, amplitudes)
    expect(broken(outcomes)).toBeGreaterThan(0)
  })

  test("keeps to the threat model's limits, whatever its own", async () => {
    const [wide, narrow] = [
      { mix: 1, scale: 1, stepSize: 0.06 },
      { mix: 0, scale: 0, stepSize: 0.06 },
    ]
    const answer = await attack(amplitudeMix, wide, undefined, amplitudes)
    expect(answer).toEqual(await attack(amplitudeMix, narrow, undefined, amplitudes))
  })

  test('breaks less in a small ball than in the threat model of amplitudes', async () => {
    const projected = await attack(amplitudeMix, {}, undefined, { ...linf, epsilon: 0.005 })
    const free = await attack(amplitudeMix, {}, undefined, amplitudes)
    expect(broken(projected.outcomes)).toBeLessThan(broken(free.outcomes))
  })
})
