/** APGD: passes, phases, step sizes, and misuse. */
import { describe, expect, test } from 'vitest'
import {
  autoProjectedGradient,
  autoProjectedGradientCost,
} from '../../../../plugins/attacks/apgd/auto-projected-gradient.ts'
import type { AutoProjectedGradientOptions } from '../../../../plugins/attacks/apgd/auto-projected-gradient.ts'
import { newApgdState } from '../../../../plugins/attacks/apgd/apgd-state.ts'
import { linfL2Variants } from '../../../../plugins/attacks/apgd/linf-l2.ts'
import { l1Variant } from '../../../../plugins/attacks/apgd/l1.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { createBall } from '../../../../core/threat/ball.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import { distance } from '../../../../core/threat/verify.ts'
import { linearTask } from '../../../support/linear-task.ts'

const problem = { classes: 4, count: 6, size: 20 } as const

const plain: AutoProjectedGradientOptions = { steps: 10, restarts: 1, loss: 'dlr' }

describe('an example that is never fooled takes the passes that the cost states', () => {
  test.each([
    ['Linf', plain, { forward: 11, backward: 10 }],
    ['L2', { ...plain, restarts: 3 }, { forward: 33, backward: 30 }],
    // Phases of 3, 3, and 4 steps.
    ['L1', plain, { forward: 13, backward: 10 }],
    ['L1', { ...plain, steps: 2 }, { forward: 3, backward: 2 }],
    ['Linf', { ...plain, samples: 5 }, { forward: 55, backward: 50 }],
    [
      'Linf',
      { ...plain, loss: 'dlr-targeted', targets: 9, restarts: 2 },
      { forward: 66, backward: 60 },
    ],
  ] as const)('%s %j', async (norm, options, cost) => {
    const { task: work } = await linearTask(problem, norm, 1e-4)
    const before = { ...work.model.passes }
    const { fooled } = await autoProjectedGradient(work, options)
    expect(autoProjectedGradientCost(options, 4, norm)).toEqual(cost)
    expect(fooled).toEqual(new Uint8Array(6))
    const ranking = 'targets' in options ? 1 : 0
    expect(work.model.passes.forward - before.forward).toBe(6 * (cost.forward + ranking))
    expect(work.model.passes.backward - before.backward).toBe(6 * cost.backward)
  })
})

test('a fooled example finishes immediately', async () => {
  const { task: work } = await linearTask(problem, 'Linf', 0.9)
  const before = { ...work.model.passes }
  const { fooled } = await autoProjectedGradient(work, { ...plain, restarts: 50 })
  expect(fooled).toEqual(new Uint8Array(6).fill(1))
  // One example needs a second step.
  expect(work.model.passes.forward - before.forward).toBe(7)
})

test('a targeted loss without targets is rejected', async () => {
  const { task: work } = await linearTask(problem, 'Linf', 0.1)
  await expect(
    autoProjectedGradient(work, { ...plain, loss: 'dlr-targeted' }),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: targets: expected 1 or more with a targeted loss, and none otherwise; got 0 with "dlr-targeted"]`,
  )
})

describe('one step', () => {
  const center = new Float32Array(8).fill(0.5)
  const stateIn = (norm: Norm) => {
    const state = newApgdState(createBall({ norm, epsilon: 0.1, bounds: [0, 1] }, center))
    state.point.set(center)
    state.steps = 100
    state.gradient.set([1, -2, 3, -4, 5, -6, 7, -8])
    return state
  }

  test('Linf and L2 start on the surface of the ball', () => {
    for (const norm of ['Linf', 'L2'] as const) {
      const { ball } = stateIn(norm)
      const start = new Float64Array(8)
      linfL2Variants[norm].start(ball, randomStream(1), start)
      expect(distance(norm, center, start)).toBeCloseTo(0.1, 9)
    }
  })

  test('too few rises of the loss halve the step size and return to the best point', () => {
    const state = stateIn('Linf')
    linfL2Variants.Linf.begin(state, 'at random')
    expect(state.stepSize).toBe(0.2)
    state.best.fill(0.45)
    state.step = 21
    linfL2Variants.Linf.review(state)
    expect(state.stepSize).toBe(0.2)
    state.step = 22
    state.rises = 17
    state.bestLoss = 1
    linfL2Variants.Linf.review(state)
    // 17 of 22 are more than three quarters.
    expect(state.stepSize).toBe(0.2)
    state.step = 41
    state.rises = 14
    linfL2Variants.Linf.review(state)
    expect(state).toMatchObject({ stepSize: 0.1, rises: 0, lastCheckpoint: 41 })
    expect([...state.point]).toEqual([...state.best])
  })

  test('an interval without a better point halves the step size, but not twice in a row', () => {
    const state = stateIn('L2')
    state.bestLoss = 1
    linfL2Variants.L2.begin(state, 'at random')
    const sizes = [22, 41, 57, 70].map((step) => {
      state.step = step
      state.rises = 22
      linfL2Variants.L2.review(state)
      return state.stepSize
    })
    // The first checkpoint counts as if the step size had been halved before.
    expect(sizes).toEqual([0.2, 0.1, 0.1, 0.05])
  })

  test('L1 first moves a fifth of the components, the steepest ones, by ε in total', () => {
    const state = stateIn('L1')
    l1Variant.begin(state, 'at random')
    state.density = 0.25
    l1Variant.move(state, new Float64Array(8))
    expect(state.point).toBeAllclose([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.55, 0.45])
  })
})
