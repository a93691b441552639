/** SPA training: the joint attack stays in its ranges, and its parts can be left out. */
import { expect, test } from 'vitest'
import { spaAt } from '../../../../plugins/defenses/spa-at/spa-at.ts'
import { standard } from '../../../../plugins/defenses/standard/standard.ts'
import { prepareDefense } from '../../../support/defense-context.ts'
import { afterOneStep } from '../training/one-step.ts'

const ranges = { brightness: [-0.1, 0.2] }

test('on clean images alone it is standard training', async () => {
  const found = await afterOneStep(spaAt, { ranges, samples: ['clean'] })
  expect(found).toBeAllclose(await afterOneStep(standard), { rtol: 0, atol: 1e-6 })
})

test('with ranges of one value and no noise, joint images are clean images', async () => {
  const still = { brightness: [0, 0], contrast: [1, 1] }
  const found = await afterOneStep(spaAt, {
    ranges: still,
    epsilon: 1e-12,
    stepSize: 1e-12,
    samples: ['joint'],
  })
  expect(found).toBeAllclose(await afterOneStep(standard), { rtol: 0, atol: 1e-6 })
})

test('the gradient steps raise the loss: more steps, another model', async () => {
  const one = await afterOneStep(spaAt, { ranges, steps: 1, samples: ['joint'] })
  const ten = await afterOneStep(spaAt, { ranges, steps: 10, samples: ['joint'] })
  expect(ten).not.toEqual(one)
})

test('the ranges of the threat model serve where the options have none', async () => {
  const setting = { shape: [3, 8, 8], classes: 2 } as const
  await expect(prepareDefense(spaAt, {}, setting)).rejects.toThrow(
    'spa-at: expected the option ranges, such as {"rotation": [-10, 10]}, or a threat model with ' +
      'a transform of kind "attribute"',
  )
  const transform = { kind: 'attribute', ranges: { brightness: [0.1, 0.2] } } as const
  const threatModel = { norm: 'Linf', epsilon: 0.1, bounds: [0, 1], transform } as const
  // The ranges are checked: they exclude the image itself.
  await expect(prepareDefense(spaAt, {}, { ...setting, threatModel })).rejects.toThrow('brightness')
})

test('a threat model in another norm is refused', async () => {
  const threatModel = { norm: 'L2', epsilon: 0.5, bounds: [0, 1] } as const
  const setting = { shape: [3, 8, 8], threatModel } as const
  await expect(prepareDefense(spaAt, { ranges }, setting)).rejects.toThrow(
    'spa-at: expected a threat model in Linf, got L2; remove it from this suite',
  )
})
