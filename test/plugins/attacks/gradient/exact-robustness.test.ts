/** On linear classifiers, gradient attacks reach, never undercut, the exact robust accuracy. */
import { describe, expect, test } from 'vitest'
import { runAttack } from '../../../../core/plugin/host.ts'
import { bim } from '../../../../plugins/attacks/gradient/bim.ts'
import { fgsm } from '../../../../plugins/attacks/gradient/fgsm.ts'
import { mim } from '../../../../plugins/attacks/gradient/mim.ts'
import { pgd } from '../../../../plugins/attacks/gradient/pgd.ts'
import { linearCase, withOptions } from '../../../support/attack-request.ts'
import type { LinearCase } from '../../../support/attack-request.ts'

/** About half of the examples are robust at these sizes. */
const epsilons = { Linf: 0.04, L2: 0.25 } as const

/** The outcomes of a perfect attack; `?` where float32 rounding may decide. */
function exactOutcomes({ margins }: LinearCase, blur: number): string {
  return margins.map((margin) => (Math.abs(margin) < blur ? '?' : margin > 0 ? 'r' : 'b')).join('')
}

function agrees(outcomes: string, exact: string): boolean {
  return [...outcomes].every((outcome, i) => exact[i] === '?' || exact[i] === outcome)
}

describe.each(['Linf', 'L2'] as const)('%s, two classes', (norm) => {
  const threatModel = { norm, epsilon: epsilons[norm], bounds: [0, 1] } as const
  const shape = { classes: 2, count: 200, size: 48 }

  test.each([
    ['pgd', pgd, { steps: 40 }],
    ['pgd on the margin', pgd, { steps: 40, loss: 'margin' }],
    ['pgd toward the other class', pgd, { steps: 40, goal: 'targeted', target: 'least-likely' }],
    ['bim', bim, { steps: 40, stepSize: epsilons[norm] / 8 }],
    ['mim', mim, { steps: 40, stepSize: epsilons[norm] / 8 }],
  ] as const)('%s reaches the exact robust accuracy', async (_, plugin, options) => {
    const linear = await linearCase(shape, { threatModel })
    // In L2, iterates only approach the best point.
    const exact = exactOutcomes(linear, norm === 'Linf' ? 1e-4 : 1e-2)
    expect(exact.match(/r/g)!.length).toBeGreaterThan(40)
    expect(exact.match(/b/g)!.length).toBeGreaterThan(40)
    const { outcomes } = await runAttack({ ...linear.request, ...withOptions(plugin, options) })
    expect(agrees(outcomes, exact)).toBe(true)
  })
})

test('one step of fgsm is exact for two classes in Linf, including bounds', async () => {
  const threatModel = { norm: 'Linf', epsilon: 0.06, bounds: [0, 1] } as const
  const linear = await linearCase({ classes: 2, count: 200, size: 48 }, { threatModel })
  const { outcomes } = await runAttack({ ...linear.request, ...withOptions(fgsm) })
  expect(agrees(outcomes, exactOutcomes(linear, 1e-4))).toBe(true)
})

test('with ten classes pgd breaks some examples and none that is robust', async () => {
  const threatModel = { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] } as const
  const linear = await linearCase({ classes: 10, count: 200, size: 48 }, { threatModel })
  for (const loss of ['cross-entropy', 'margin']) {
    const chosen = withOptions(pgd, { steps: 20, loss, restarts: 3 })
    const { outcomes } = await runAttack({ ...linear.request, ...chosen })
    expect(outcomes).toContain('b')
    expect(linear.margins.filter((margin, i) => margin > 1e-4 && outcomes[i] === 'b')).toEqual([])
  }
})
