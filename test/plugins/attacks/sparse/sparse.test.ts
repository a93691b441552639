/** Attacks in L0: pixels, exact robustness of linear models, and the steps of σ-zero. */
import { describe, expect, test } from 'vitest'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { AttackPlugin } from '../../../../core/plugin/contract.ts'
import { sliceRows } from '../../../../core/engine/tensor/tensor.ts'
import { worstCaseMargin } from '../../../../core/testing/index.ts'
import { onShape } from '../../../../core/threat/threat-model.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'
import { distance } from '../../../../core/threat/verify.ts'
import { universal } from '../../../../plugins/attacks/gradient/universal.ts'
import { additiveNoise } from '../../../../plugins/attacks/noise/additive-noise.ts'
import { sigmaZero } from '../../../../plugins/attacks/sparse/sigma-zero.ts'
import { sparsePgd } from '../../../../plugins/attacks/sparse/sparse-pgd.ts'
import { countOutcomes, linearCase, withOptions } from '../../../support/attack-request.ts'

const shape = [3, 8, 8] as const
const count = 60

/** Random linear classifiers; margins are exact. */
async function subject(epsilon: number, classes = 2) {
  const plain: ThreatModel = { norm: 'L0', epsilon, bounds: [0, 1] }
  const threatModel = onShape(plain, [count, ...shape])
  return linearCase({ classes, count, size: shape }, { threatModel })
}

async function attack(plugin: AttackPlugin<never>, options: object, epsilon = 1) {
  const linear = await subject(epsilon)
  const found = await runAttack({ ...linear.request, ...withOptions(plugin, { ...options }) })
  const changed = Array.from({ length: count }, (_, row) => {
    const of = (data: typeof found.adversarial) => sliceRows(data, row, row + 1).data
    return distance('L0', of(linear.request.inputs), of(found.adversarial), 3)
  })
  return { ...linear, ...found, changed }
}

describe.each([
  ['sparse-pgd', sparsePgd, { steps: 60 }],
  ['sparse-pgd, projected', sparsePgd, { steps: 100, valueGradient: 'projected' }],
  ['sigma-zero', sigmaZero, { steps: 200 }],
] as const)('%s on linear models', (_, plugin, options) => {
  test('breaks nearly all examples that can be broken, and no other', async () => {
    const { outcomes, margins, changed } = await attack(plugin, options)
    const breakable = margins.filter((margin) => margin < -1e-4).length
    margins.forEach((margin, i) => {
      if (outcomes[i] === 'b') expect(margin).toBeLessThan(1e-4)
      expect(changed[i]).toBeLessThanOrEqual(1)
    })
    expect(breakable).toBeGreaterThan(10)
    expect(breakable).toBeLessThan(55)
    expect(countOutcomes(outcomes, 'b')).toBeGreaterThanOrEqual(0.9 * breakable)
  })

  test('breaks more than random pixels at random bounds', async () => {
    const { outcomes } = await attack(plugin, options)
    const noise = await attack(additiveNoise, { repeats: 100 })
    expect(countOutcomes(noise.outcomes, 'b')).toBeGreaterThan(0)
    expect(countOutcomes(outcomes, 'b')).toBeGreaterThan(countOutcomes(noise.outcomes, 'b'))
  })
})

test('σ-zero finds the smallest number of pixels for most examples, and never fewer', async () => {
  const { classifier, request } = await subject(64)
  const found = await runAttack({ ...request, ...withOptions(sigmaZero, { steps: 300 }) })
  const least = Array.from(request.labels, (label, row) => {
    const x = sliceRows(request.inputs, row, row + 1).data
    for (let epsilon = 1; ; epsilon++) {
      const threatModel = { ...request.threatModel, epsilon }
      if (worstCaseMargin(classifier, threatModel, x, label) < -1e-6) return epsilon
    }
  })
  const excess = Array.from(found.breakingEpsilons!, (pixels, row) => pixels - least[row]!)
  expect(Math.min(...excess)).toBe(0)
  expect(excess.filter((more) => more === 0).length).toBeGreaterThanOrEqual(0.8 * count)
  expect(Math.max(...excess)).toBeLessThanOrEqual(2)
})

test('the universal perturbation changes the same pixels of every image, and breaks more than noise', async () => {
  const options = { examples: count, epochs: 10, stepExamples: 20 }
  const { outcomes, adversarial, request } = await attack(universal, options, 4)
  const pixels = new Set<number>()
  adversarial.data.forEach((value, i) => {
    if (value !== request.inputs.data[i]) pixels.add(i % 64)
  })
  expect(pixels.size).toBeLessThanOrEqual(4)
  const noise = await attack(additiveNoise, { repeats: 1 }, 4)
  expect(countOutcomes(outcomes, 'b')).toBeGreaterThan(countOutcomes(noise.outcomes, 'b'))
})

test('the costs are those of an example that is never broken', () => {
  const pgdOptions = withOptions(sparsePgd, { steps: 9, restarts: 2 }).options
  expect(sparsePgd.cost(pgdOptions as never, 10)).toEqual({ forward: 20, backward: 18 })
  const zeroOptions = withOptions(sigmaZero, { steps: 9 }).options
  expect(sigmaZero.cost(zeroOptions as never, 10)).toEqual({ forward: 10, backward: 9 })
})
