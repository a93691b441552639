/** The forecast for AutoAttack against its actual cost on a shipped model. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ExpectedWork } from '../../core/bench/forecast/expected-passes.ts'
import { packageRoot } from '../../core/base/paths.ts'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { readOnlyResult } from './support/suite.ts'

test('with a known robust accuracy, the forecast is within 5 % of the actual passes', async () => {
  const folder = temporaryFolder()
  writeJson(folder, 'suite.json', {
    id: 'cost',
    title: 'Cost',
    dataset: { id: 'quickstart' },
    threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
    defenses: [
      {
        name: 'pgd-at',
        plugin: 'onnx-model',
        options: { file: join(packageRoot(), 'models/quickstart-pgd-at.onnx') },
      },
    ],
    attacks: [{ plugin: 'pgd' }, { plugin: 'autoattack' }],
    limit: 40,
    checks: false,
  })
  const { code } = await robench(folder, 'run', 'suite.json')
  expect(code).toBe(0)
  const [entry] = readOnlyResult(folder).entries
  const found = String(entry?.worstCaseRobustAccuracy)
  const words = ['--fresh', '--json', '--robust-accuracy', found]
  const { stdout } = await robench(folder, 'plan', 'suite.json', ...words)
  const { expected } = JSON.parse(stdout) as { readonly expected: ExpectedWork }
  let forward = entry!.cleanOutcomes.length
  let backward = 0
  for (const attack of entry!.attacks) {
    if (attack.state !== 'completed') throw new Error('an attack failed')
    forward += attack.forwardPasses
    backward += attack.backwardPasses
  }
  expect(Math.abs(expected.passes.forward / forward - 1)).toBeLessThan(0.05)
  expect(Math.abs(expected.passes.backward / backward - 1)).toBeLessThan(0.05)
})
