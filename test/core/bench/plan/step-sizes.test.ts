/** Step sizes longer than the ball is wide, and which options of attacks are step sizes. */
import { describe, expect, test } from 'vitest'
import { refuseLongSteps, statesSteps } from '../../../../core/bench/plan/step-sizes.ts'
import { loadRegistry } from '../../../../core/plugin/load.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'

const linf: ThreatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] }
const refuse =
  (size: number, ...threatModels: ThreatModel[]) =>
  (): void =>
    refuseLongSteps([{ where: '--step-size', size }], threatModels)

describe('a step longer than the diameter of the ball', () => {
  test('is refused, with what may be meant', () => {
    expect(refuse(2, linf)).toThrow(
      '--step-size: 2 is above the diameter of the ball, 0.0627 (ε is 8/255); did you mean "2/255"?',
    )
    expect(refuse(0.07, linf)).not.toThrow('did you mean')
    expect(refuse(0.07, linf)).toThrow('0.07 is above the diameter')
  })

  test('is accepted at the diameter, and in the widest ball of the suite', () => {
    expect(refuse(16 / 255, linf)).not.toThrow()
    const l2 = { ...linf, norm: 'L2', epsilon: 0.5 } as const
    expect(refuse(0.1, linf, l2)).not.toThrow()
    expect(refuse(1.01, linf, l2)).toThrow('1.01 is above the diameter of the ball, 1 (ε is 0.5)')
  })

  test('is relative to half a side of a box', () => {
    const box = { ...linf, given: 'box' } as const
    expect(refuse(2, box)).not.toThrow()
    expect(refuse(3, box)).toThrow('of the ball, 2 (steps are relative to half a side of the box)')
  })

  test('does not exist in L0, nor for a transform alone', () => {
    expect(refuse(9, { ...linf, norm: 'L0', epsilon: 3 })).not.toThrow()
    expect(refuse(9, { ...linf, epsilon: 0 })).not.toThrow()
  })
})

test('step sizes in the units of the inputs are told from others', async () => {
  const registry = await loadRegistry()
  const found: string[] = []
  for (const id of registry.ids('attack')) {
    if (statesSteps((await registry.get('attack', id)).meta)) found.push(id)
  }
  expect(found).toEqual(expect.arrayContaining(['pgd', 'fgsm', 'bim', 'mim', 'nes', 'spsa']))
  // Fractions of the bounds, and the first step of a search for the nearest point.
  for (const id of ['sparse-pgd', 'spatial', 'sigma-zero', 'fmn', 'autoattack']) {
    expect(found).not.toContain(id)
  }
})
