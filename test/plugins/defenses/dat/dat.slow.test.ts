/** Each ablation of DAT trains another model. */
import { expect, test } from 'vitest'
import { trainSmall } from './small-training.ts'

test.each([
  ['w/o D_JS', { omega: 0 }],
  ['w/o mix-up', { mix: 'full' }],
  ['single adversary', { adversaries: 'single' }],
  ['normalized amplitude', { normalizeAmplitude: true }],
  ['weight perturbation', { weightPerturbation: 0.005 }],
])('%s gives another model', async (_, options) => {
  const [own, plain] = [
    await trainSmall({ ...options, epochs: 1 }),
    await trainSmall({ epochs: 1 }),
  ]
  expect(own.model).not.toEqual(plain.model)
  expect(Number.isFinite(own.card.epochs[0]!.loss)).toBe(true)
})
