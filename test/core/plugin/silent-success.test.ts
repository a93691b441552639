/** The host counts examples that an attack broke but did not return. */
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

/** Runs fgsm, queries the model at the points it found, and returns other points. */
function forgetful(
  query: (context: AttackContext, points: FloatTensor) => Promise<unknown>,
  choose: (context: AttackContext, points: FloatTensor) => FloatTensor,
): AttackPlugin<never> {
  return {
    ...fgsm,
    async run(context: AttackContext) {
      const found = await fgsm.run({ ...context, ...withOptions(fgsm) } as never)
      const points = found as FloatTensor
      await query(context, points)
      return choose(context, points)
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
  ])('are counted if an attack that queries %s returns its inputs', async (_, query) => {
    const { request } = await linearCase(shape, { threatModel })
    const plain = await runAttack({ ...request, ...withOptions(fgsm) })
    const broken = plain.outcomes.replaceAll(/[^b]/g, '').length
    expect(broken).toBe(12)
    const plugin = forgetful(query, ({ inputs }) => inputs)
    const result = await runAttack({ ...request, plugin, options: {} })
    expect(result.outcomes).not.toContain('b')
    expect(result.silentSuccesses).toBe(broken)
  })

  test('are zero if the attack returns what it found', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const attack = forgetful(byLogits, (_, points) => points)
    for (const chosen of [{ plugin: attack, options: {} }, withOptions(pgd), withOptions(fgsm)]) {
      const result = await runAttack({ ...request, ...chosen })
      expect(result.outcomes).toContain('b')
      expect(result.silentSuccesses).toBe(0)
    }
  })

  test('are counted once on a curve, and only within the ball of the threat model', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const plugin = forgetful(byLogits, ({ inputs }) => inputs)
    const once = await runAttack({ ...request, plugin, options: {} })
    const curve = await runAttack({ ...request, curve: [0.2, 0.25, 1], plugin, options: {} })
    expect(curve.silentSuccesses).toBe(once.silentSuccesses)
  })
})
