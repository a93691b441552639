/** Multi-targeted PGD: with one restart per class it is exact on linear classifiers. */
import { describe, expect, test } from 'vitest'
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

describe('with `targets`', () => {
  const all = { steps: 40, loss: 'margin', goal: 'multi-targeted', targets: 9, centerStart: true }

  test('one restart targets every class, so that linear classifiers are attacked exactly', async () => {
    const linear = await linearCase({ classes: 10, count: 200, size: 48 }, { threatModel })
    const { outcomes } = await runAttack({ ...linear.request, ...withOptions(pgd, all) })
    const exact = linear.margins.map((margin): string => (margin > 0 ? 'r' : 'b'))
    const undecided = linear.margins.flatMap((margin, i) => (Math.abs(margin) < 1e-4 ? [i] : []))
    undecided.forEach((i) => (exact[i] = outcomes[i]!))
    expect(outcomes).toBe(exact.join(''))
    expect(undecided.length).toBeLessThan(5)
    expect(outcomes).toContain('r')
    expect(outcomes).toContain('b')
  })

  test.each([
    ['a start per class', 9, 1, 10],
    ['two restarts each', 9, 2, 20],
    ['fewer targets than restarts', 2, 4, 12],
    ['no more targets than there are wrong classes', 30, 1, 10],
  ])('an example that is never fooled takes %s', async (_, targets, restarts, starts) => {
    const weak = { ...threatModel, epsilon: 1e-4 }
    const { request } = await linearCase(
      { classes: 10, count: 1, size: 48, seed: 3 },
      { threatModel: weak },
    )
    const chosen = withOptions(pgd, { ...all, steps: 2, targets, restarts })
    const { forwardPasses, backwardPasses } = await runAttack({ ...request, ...chosen })
    expect([forwardPasses, backwardPasses]).toEqual([3 * starts + 1, 2 * starts])
    expect(pgd.cost(chosen.options as never, 10)).toEqual({
      forward: 3 * starts + 1,
      backward: 2 * starts,
    })
  })
})
