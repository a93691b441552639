/** The host notices an attack that had an example broken and lost it. */
import { describe, expect, test } from 'vitest'
import type { AttackContext, AttackPlugin } from '../../../core/plugin/contract.ts'
import { runAttack } from '../../../core/plugin/host.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import type { FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { fgsm } from '../../../plugins/attacks/gradient/fgsm.ts'
import { pgd } from '../../../plugins/attacks/gradient/pgd.ts'
import { linearCase, withOptions } from '../../support/attack-request.ts'

const threatModel = { norm: 'Linf', epsilon: 0.25, bounds: [0, 1] } as const
const shape = { classes: 3, count: 12, size: 16 }

/** Finds what fgsm finds, asks the model about it by one of the two ways, and returns something else. */
function forgetful(
  ask: (context: AttackContext, points: FloatTensor) => Promise<unknown>,
  answer: (context: AttackContext, points: FloatTensor) => FloatTensor,
): AttackPlugin<never> {
  return {
    ...fgsm,
    async run(context: AttackContext) {
      const found = await fgsm.run({ ...context, ...withOptions(fgsm) } as never)
      const points = found as FloatTensor
      await ask(context, points)
      return answer(context, points)
    },
  }
}

const byLogits = (context: AttackContext, points: FloatTensor) => context.model.logits(points)
const byGradient = (context: AttackContext, points: FloatTensor) =>
  context.model.gradient(points, context.labels, crossEntropy)

describe('silent successes', () => {
  test.each([
    ['logits', byLogits],
    ['gradients', byGradient],
  ])('are counted where an attack that asks for %s returns its inputs', async (_, ask) => {
    const { request } = await linearCase(shape, { threatModel })
    const honest = await runAttack({ ...request, ...withOptions(fgsm) })
    const broken = honest.outcomes.replaceAll(/[^b]/g, '').length
    expect(broken).toBeGreaterThan(0)
    const plugin = forgetful(ask, ({ inputs }) => inputs)
    const answer = await runAttack({ ...request, plugin, options: {} })
    expect(answer.outcomes).not.toContain('b')
    expect(answer.silentSuccesses).toBe(broken)
  })

  test('are none where the attack returns what it found', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const attack = forgetful(byLogits, (_, points) => points)
    for (const chosen of [{ plugin: attack, options: {} }, withOptions(pgd), withOptions(fgsm)]) {
      const answer = await runAttack({ ...request, ...chosen })
      expect(answer.outcomes).toContain('b')
      expect(answer.silentSuccesses).toBe(0)
    }
  })

  test('count once on a curve, and only within the ball of the threat model', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const plugin = forgetful(byLogits, ({ inputs }) => inputs)
    const once = await runAttack({ ...request, plugin, options: {} })
    const curve = await runAttack({ ...request, curve: [0.2, 0.25, 1], plugin, options: {} })
    expect(curve.silentSuccesses).toBe(once.silentSuccesses)
  })
})
