/** Multi-targeted PGD: with one restart per class it is exact on linear classifiers. */
import { expect, test } from 'vitest'
import { runAttack } from '../../../../core/plugin/host.ts'
import { pgd } from '../../../../plugins/attacks/gradient/pgd.ts'
import { linearCase, withOptions } from '../../../support/attack-request.ts'

const threatModel = { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] } as const

test.each([3, 10])('with %i classes it breaks exactly the breakable examples', async (classes) => {
  const linear = await linearCase({ classes, count: 200, size: 48 }, { threatModel })
  const options = { steps: 40, loss: 'margin', goal: 'multi-targeted', restarts: classes }
  const { outcomes } = await runAttack({ ...linear.request, ...withOptions(pgd, options) })
  const undecided = linear.margins.filter((margin) => Math.abs(margin) < 1e-4).length
  const wrong = linear.margins.filter((margin, i) => {
    if (outcomes[i] === 'w' || Math.abs(margin) < 1e-4) return false
    return margin > 0 !== (outcomes[i] === 'r')
  })
  expect(wrong).toEqual([])
  expect(undecided).toBeLessThan(5)
  expect(outcomes).toContain('r')
  expect(outcomes).toContain('b')
})

test('ranking the classes costs one more forward pass', () => {
  const options = {
    ...withOptions(pgd, { steps: 10, goal: 'multi-targeted', restarts: 3 }).options,
  }
  expect(pgd.cost(options as never, 10)).toEqual({ forward: 34, backward: 30 })
})
