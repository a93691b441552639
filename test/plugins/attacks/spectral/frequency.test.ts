/** The spectral attacks, run by the host: bands, transforms, and invalid options. */
import { describe, expect, test } from 'vitest'

import type { AttackPlugin } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import { createImageFilter } from '../../../../core/threat/spectrum/radial-filter.ts'
import type { RadialBand } from '../../../../core/threat/spectrum/radial-mask.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'
import { amplitudeMix } from '../../../../plugins/attacks/spectral/amplitude-mix.ts'
import { pgd } from '../../../../plugins/attacks/gradient/pgd.ts'
import { highPass } from '../../../../plugins/attacks/spectral/high-pass.ts'
import { highPassSweep } from '../../../../plugins/attacks/spectral/high-pass-sweep.ts'
import { attackRequest, countOutcomes, withOptions } from '../../../support/attack-request.ts'
import { randomImages } from '../../../support/spectra.ts'

const shape = [1, 8, 8] as const
const count = 16
const linf: ThreatModel = { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] }

/** A model that separates two classes by the frequencies of one band only. */
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
  const request = await attackRequest({ model, inputs, threatModel, batchSize: 5 })
  return runAttack({ ...request, ...withOptions(plugin, options) })
}

const broken = (outcomes: string): number => countOutcomes(outcomes, 'b')

describe('a model that uses one band only', () => {
  test('is broken within that band more than outside', async () => {
    const model = bandModel({ band: 'low', radius: 2 })
    const options = { steps: 10, radius: 2 }
    const low = await attack(highPass, { ...options, band: 'low' }, model)
    const high = await attack(highPass, { ...options, band: 'high' }, model)
    expect(broken(low.outcomes)).toBe(14)
    // Clipping at the bounds leaks a little into the low band.
    expect(broken(high.outcomes)).toBe(1)
  })

  test('is swept over all bands, and stages report what each band broke', async () => {
    const model = bandModel({ band: 'low', radius: 2 })
    const { outcomes, stages } = await attack(highPassSweep, { steps: 10, radius: 2 }, model)
    expect(stages?.map(({ name }) => name).join(', ')).toBe(
      'full, low 1, low 2, low 3, high 1, high 2, high 3, band 1-2, band 2-3, band 1-3',
    )
    const found = stages!.map((stage) => broken(stage.outcomes))
    expect(found.at(-1)).toBe(broken(outcomes))
    const one = await attack(highPass, { steps: 10, radius: 2, band: 'low' }, model)
    expect(broken(outcomes)).toBeGreaterThanOrEqual(broken(one.outcomes))
  })
})

describe('high-pass-sweep', () => {
  test.each([
    [{}, linf],
    [{ bands: [{ band: 'high', radius: 3 }], restarts: 2 }, linf],
    [{ variant: 'emphasis', loss: 'margin' }, linf],
    [{ bands: [{ band: 'low' }] }, { ...linf, norm: 'L2', epsilon: 0.4 }],
  ] as const)('breaks every example that pgd breaks: %j', async (options, threatModel) => {
    const own = { steps: 3, ...options }
    const { bands: _bands, variant: _variant, ...shared } = { bands: 0, variant: 0, ...own }
    for (const epsilon of [0.3, 0.6, 1]) {
      const ball = { ...threatModel, epsilon: epsilon * threatModel.epsilon }
      const plain = await attack(pgd, shared, undefined, ball)
      const swept = await attack(highPassSweep, own, undefined, ball)
      expect(swept.stages![0]).toEqual({ name: 'full', outcomes: plain.outcomes })
      for (const row of Array.from({ length: count }).keys()) {
        if (plain.outcomes[row] === 'b') expect(swept.outcomes[row]).toBe('b')
      }
    }
  })
})

describe('high-pass', () => {
  test('defaults to a quarter of the side as radius and a quarter of epsilon as step', async () => {
    const stated = { steps: 3, radius: 2, stepSize: 0.025 }
    expect(await attack(highPass, { steps: 3 })).toEqual(await attack(highPass, stated))
  })

  test('accepts a fraction of energy instead of a radius', async () => {
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
      'expected a radius of at least 0 and no outer radius, got 3 and 5',
    ],
    [{ band: 'band', radius: 3, outerRadius: 2 }, 'and an outer radius above it, got 3 and 2'],
  ])('rejects an invalid band: %j', async (options, message) => {
    await expect(attack(highPass, options)).rejects.toThrow(message)
  })
})

describe('amplitude-mix', () => {
  const amplitudes: ThreatModel = {
    ...linf,
    epsilon: 0,
    transform: { kind: 'amplitude', mix: 0.4, scale: 0.3 },
  }

  test('returns transforms that the host reproduces and permits', async () => {
    const { outcomes } = await attack(amplitudeMix, {}, undefined, amplitudes)
    expect(broken(outcomes)).toBe(16)
  })

  test("uses the threat model's limits instead of its own", async () => {
    const [wide, narrow] = [
      { mix: 1, scale: 1, stepSize: 0.06 },
      { mix: 0, scale: 0, stepSize: 0.06 },
    ]
    const result = await attack(amplitudeMix, wide, undefined, amplitudes)
    expect(result).toEqual(await attack(amplitudeMix, narrow, undefined, amplitudes))
  })

  test('breaks fewer examples in a small ball than under the amplitude transform', async () => {
    const projected = await attack(amplitudeMix, {}, undefined, { ...linf, epsilon: 0.005 })
    const free = await attack(amplitudeMix, {}, undefined, amplitudes)
    expect([projected, free].map(({ outcomes }) => broken(outcomes))).toEqual([1, 16])
  })
})
