/** APGD: accounting, phases and misuse; its strength is tested on linear classifiers in test/plugins. */
import { describe, expect, test } from 'vitest'
import {
  autoProjectedGradient,
  autoProjectedGradientCost,
} from '../../../../plugins/attacks/apgd/auto-projected-gradient.ts'
import type { AutoProjectedGradientOptions } from '../../../../plugins/attacks/apgd/auto-projected-gradient.ts'
import { newApgdState } from '../../../../plugins/attacks/apgd/apgd-state.ts'
import { linfL2Rule } from '../../../../plugins/attacks/apgd/linf-l2.ts'
import { l1Rule } from '../../../../plugins/attacks/apgd/l1.ts'
import type { AttackTask } from '../../../../core/attack/task.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { createBall } from '../../../../core/threat/ball.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import { distance } from '../../../../core/threat/verify.ts'
import { referenceExamples } from '../../../../core/threat/reference-examples.ts'
import { linearCase } from '../../../support/attack-request.ts'

async function task(norm: Norm, epsilon: number): Promise<AttackTask> {
  const threatModel = { norm, epsilon, bounds: [0, 1] } as const
  const { request } = await linearCase({ classes: 4, count: 6, size: 20 }, { threatModel })
  const { model, inputs, labels, signal } = request
  return {
    model,
    inputs,
    labels,
    threatModel,
    signal,
    batchSize: 4,
    reference: referenceExamples(inputs, labels),
    rng: { stream: (row, restart) => randomStream(0, row, restart) },
    progress: () => {},
  }
}

const plain: AutoProjectedGradientOptions = { steps: 10, restarts: 1, loss: 'dlr' }

describe('an example that is never fooled costs what it should', () => {
  test.each([
    ['Linf', plain, { forward: 11, backward: 10 }],
    ['L2', { ...plain, restarts: 3 }, { forward: 33, backward: 30 }],
    // Parts of 3, 3 and 4 steps.
    ['L1', plain, { forward: 13, backward: 10 }],
    ['L1', { ...plain, steps: 2 }, { forward: 3, backward: 2 }],
    ['Linf', { ...plain, samples: 5 }, { forward: 55, backward: 50 }],
    [
      'Linf',
      { ...plain, loss: 'dlr-targeted', targets: 9, restarts: 2 },
      { forward: 66, backward: 60 },
    ],
  ] as const)('%s %j', async (norm, options, cost) => {
    const work = await task(norm, 1e-4)
    const before = { ...work.model.passes }
    const { fooled } = await autoProjectedGradient(work, options)
    expect(autoProjectedGradientCost(options, 4, norm)).toEqual(cost)
    expect(fooled).toEqual(new Uint8Array(6))
    const ranking = 'targets' in options ? 1 : 0
    expect(work.model.passes.forward - before.forward).toBe(6 * (cost.forward + ranking))
    expect(work.model.passes.backward - before.backward).toBe(6 * cost.backward)
  })
})

test('who is fooled leaves at once', async () => {
  const work = await task('Linf', 0.9)
  const before = { ...work.model.passes }
  const { fooled } = await autoProjectedGradient(work, { ...plain, restarts: 50 })
  expect(fooled).toEqual(new Uint8Array(6).fill(1))
  expect(work.model.passes.forward - before.forward).toBeLessThan(6 * 20)
})

test('a targeted loss needs targets', async () => {
  const work = await task('Linf', 0.1)
  await expect(
    autoProjectedGradient(work, { ...plain, loss: 'dlr-targeted' }),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: targets: expected 1 or more with a targeted loss and none with another, got 0 with "dlr-targeted"]`,
  )
})

describe('one step', () => {
  const center = new Float32Array(8).fill(0.5)
  const ascentIn = (norm: Norm) => {
    const ascent = newApgdState(createBall({ norm, epsilon: 0.1, bounds: [0, 1] }, center))
    ascent.point.set(center)
    ascent.steps = 100
    ascent.gradient.set([1, -2, 3, -4, 5, -6, 7, -8])
    return ascent
  }

  test('Linf and L2 start on the surface of the ball', () => {
    for (const norm of ['Linf', 'L2'] as const) {
      const { ball } = ascentIn(norm)
      const start = new Float64Array(8)
      linfL2Rule[norm].start(ball, randomStream(1), start)
      expect(distance(norm, center, start)).toBeCloseTo(0.1, 9)
    }
  })

  test('the step is halved, from the best point on, where too few steps raised the loss', () => {
    const ascent = ascentIn('Linf')
    linfL2Rule.Linf.begin(ascent, 'at random')
    expect(ascent.stepSize).toBe(0.2)
    ascent.best.fill(0.45)
    ascent.step = 21
    linfL2Rule.Linf.review(ascent)
    expect(ascent.stepSize).toBe(0.2)
    ascent.step = 22
    ascent.rises = 17
    ascent.bestLoss = 1
    linfL2Rule.Linf.review(ascent)
    // 17 of 22 are more than three quarters.
    expect(ascent.stepSize).toBe(0.2)
    ascent.step = 41
    ascent.rises = 14
    linfL2Rule.Linf.review(ascent)
    expect(ascent).toMatchObject({ stepSize: 0.1, rises: 0, windowStart: 41 })
    expect([...ascent.point]).toEqual([...ascent.best])
  })

  test('it is also halved where a whole window brought no better point, but not twice running', () => {
    const ascent = ascentIn('L2')
    ascent.bestLoss = 1
    linfL2Rule.L2.begin(ascent, 'at random')
    const sizes = [22, 41, 57, 70].map((step) => {
      ascent.step = step
      ascent.rises = 22
      linfL2Rule.L2.review(ascent)
      return ascent.stepSize
    })
    // The first checkpoint has none before it.
    expect(sizes).toEqual([0.2, 0.1, 0.1, 0.05])
  })

  test('L1 moves a fifth of the components at first, the steepest, by ε together', () => {
    const ascent = ascentIn('L1')
    l1Rule.begin(ascent, 'at random')
    ascent.density = 0.25
    l1Rule.move(ascent, new Float64Array(8))
    expect(ascent.point).toBeAllclose([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.55, 0.45])
  })
})
