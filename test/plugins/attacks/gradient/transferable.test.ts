/** The transferable attacks: each reduces to a simpler one without its own feature. */
import { describe, expect, test } from 'vitest'
import { predictions } from '../../../../core/model/predictions.ts'
import type { AttackPlugin } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, sliceRows } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import type { ConvexNorm } from '../../../support/norms.ts'
import { bim } from '../../../../plugins/attacks/gradient/bim.ts'
import { diFgsm } from '../../../../plugins/attacks/gradient/di-fgsm.ts'
import { mim } from '../../../../plugins/attacks/gradient/mim.ts'
import { niFgsm } from '../../../../plugins/attacks/gradient/ni-fgsm.ts'
import { tiFgsm } from '../../../../plugins/attacks/gradient/ti-fgsm.ts'
import { linearCase, withOptions } from '../../../support/attack-request.ts'

const epsilons = { Linf: 0.03, L2: 0.3, L1: 1 }
const model = new LinearModel(randomLinearClassifier([3, 6, 6], 4, 11))
const stream = randomStream(11, 'transferable')
const inputs = float32(
  [30, 3, 6, 6],
  Float32Array.from({ length: 30 * 108 }, () => stream.uniform()),
)

async function attack(
  norm: ConvexNorm,
  plugin: AttackPlugin<never>,
  options: Readonly<Record<string, unknown>>,
): Promise<HostedResult> {
  const labels = predictions(await model.logits(inputs))
  return runAttack({
    ...withOptions(plugin, options),
    model,
    inputs,
    labels,
    cleanPredictions: labels,
    exampleIndices: Array.from(labels.keys()),
    threatModel: { norm, epsilon: epsilons[norm], bounds: [0, 1] },
    seed: 0,
    batchSize: 16,
    signal: new AbortController().signal,
  })
}

describe.each(['Linf', 'L2'] as const)('%s', (norm) => {
  test('some examples are broken and some are not', async () => {
    const { outcomes } = await attack(norm, mim, {})
    expect(outcomes).toContain('r')
    expect(outcomes).toContain('b')
  })

  test.each([
    ['ni-fgsm without momentum is bim', niFgsm, { momentum: 0 }, bim, {}],
    ['di-fgsm with probability 0 is mim', diFgsm, { probability: 0 }, mim, {}],
    [
      'di-fgsm with probability 0 and no momentum is bim',
      diFgsm,
      { probability: 0, momentum: 0 },
      bim,
      {},
    ],
    ['ti-fgsm with a kernel of one weight is mim', tiFgsm, { kernelRadius: 0 }, mim, {}],
    [
      'ti-fgsm with one weight and no momentum is bim',
      tiFgsm,
      { kernelRadius: 0, momentum: 0, steps: 5 },
      bim,
      { steps: 5 },
    ],
  ] as const)('%s, bit for bit', async (_, plugin, options, other, otherOptions) => {
    expect(await attack(norm, plugin, options)).toEqual(await attack(norm, other, otherOptions))
  })

  test.each([
    ['di-fgsm with images of full size', diFgsm, { probability: 1, resizeRate: 1 }],
    ['ni-fgsm with negligible momentum', niFgsm, { momentum: 1e-12 }],
  ] as const)(
    '%s breaks the same examples as without it, with more passes',
    async (_, plugin, options) => {
      const other = plugin === niFgsm ? bim : mim
      const [own, plain] = [await attack(norm, plugin, options), await attack(norm, other, {})]
      expect(own.outcomes).toEqual(plain.outcomes)
      expect(own.forwardPasses).toBeGreaterThan(plain.forwardPasses)
    },
  )

  test.each([
    ['ni-fgsm', niFgsm, { scaleCopies: 3, loss: 'cross-entropy' }],
    ['di-fgsm', diFgsm, { probability: 1, resizeRate: 0.5 }],
    ['ti-fgsm', tiFgsm, {}],
  ] as const)('%s differs from mim', async (_, plugin, options) => {
    const [own, plain] = [await attack(norm, plugin, options), await attack(norm, mim, {})]
    expect(own.adversarial).not.toEqual(plain.adversarial)
  })

  test('continuing once fooled raises the loss and breaks the same examples', async () => {
    const options = { probability: 0, loss: 'margin' }
    const stopping = await attack(norm, diFgsm, options)
    const continuing = await attack(norm, diFgsm, { ...options, stopWhenFooled: false })
    expect(continuing.outcomes).toEqual(stopping.outcomes)
    expect(continuing.forwardPasses).toBe(30 * 11)
    const labels = predictions(await model.logits(inputs))
    const margins = async ({ adversarial }: HostedResult): Promise<number[]> => {
      const logits = await model.logits(adversarial)
      return Array.from(labels, (label, row) => {
        const { data } = sliceRows(logits, row, row + 1)
        return Math.max(...data.filter((_, i) => i !== label)) - data[label]!
      })
    }
    const [before, after] = [await margins(stopping), await margins(continuing)]
    expect(after.every((margin, row) => margin >= before[row]!)).toBe(true)
    expect(after.filter((margin, row) => margin > before[row]! + 0.1).length).toBeGreaterThan(3)
  })
})

test('with two classes ni-fgsm reaches the exact robust accuracy', async () => {
  const threatModel = { norm: 'Linf', epsilon: 0.04, bounds: [0, 1] } as const
  const linear = await linearCase({ classes: 2, count: 100, size: 48 }, { threatModel })
  const chosen = withOptions(niFgsm, { steps: 40, stepSize: 0.005 })
  const { outcomes } = await runAttack({ ...linear.request, ...chosen })
  const wrong = linear.margins.filter(
    (margin, row) => Math.abs(margin) > 1e-4 && margin > 0 !== (outcomes[row] === 'r'),
  )
  expect(wrong).toEqual([])
  expect(outcomes).toContain('r')
  expect(outcomes).toContain('b')
})

test('the costs count every gradient point, and a pass to judge each iterate', () => {
  const cost = (plugin: AttackPlugin<never>, options: Readonly<Record<string, unknown>>) =>
    plugin.cost(withOptions(plugin, options).options as never, 10, 'Linf')
  expect(cost(niFgsm, {})).toEqual({ forward: 21, backward: 10 })
  expect(cost(niFgsm, { scaleCopies: 5 })).toEqual({ forward: 61, backward: 50 })
  expect(cost(diFgsm, { restarts: 2 })).toEqual({ forward: 42, backward: 20 })
  expect(cost(tiFgsm, { restarts: 2 })).toEqual({ forward: 11, backward: 10 })
})
