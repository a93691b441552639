/** Adversarial training from a suite: it is more robust than standard training. */
import { expect, test } from 'vitest'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { readOnlyResult } from './support/suite.ts'

const common = {
  flip: false,
  crop: 2,
  batchSize: 64,
  averaging: 0.98,
  network: { id: 'small-cnn', options: { width: 16 } },
}

test('pgd-at stays robust where standard training does not', async () => {
  const folder = temporaryFolder()
  writeJson(folder, 'suite.json', {
    id: 'defend',
    title: 'Defend',
    dataset: { id: 'quickstart' },
    threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
    defenses: [
      { name: 'standard', plugin: 'standard', options: { ...common, epochs: 6 } },
      {
        name: 'pgd-at',
        plugin: 'pgd-at',
        options: { ...common, epochs: 20, steps: 3, stepSize: '4/255', ramp: 0.5 },
      },
    ],
    attacks: [{ plugin: 'pgd', options: { steps: 20, stepSize: '2/255', loss: 'margin' } }],
  })
  const { code, stderr } = await robench(folder, 'run', 'suite.json')
  expect(stderr).toContain('training pgd-at')
  expect(code).toBe(0)
  const [standard, pgdAt] = readOnlyResult(folder).entries
  expect(standard!.cleanAccuracy).toBeGreaterThan(0.8)
  expect(standard!.worstCaseRobustAccuracy).toBeLessThan(0.25)
  expect(pgdAt!.cleanAccuracy).toBeGreaterThan(0.7)
  expect(pgdAt!.worstCaseRobustAccuracy).toBeGreaterThan(standard!.worstCaseRobustAccuracy! + 0.15)
})
