/** The shipped models raise no alarm, except one that is trained in Linf and attacked in L2. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadDataset } from '../../../../core/data/load.ts'
import { dataFolder, packageRoot } from '../../../../core/base/paths.ts'
import { probeSample } from '../../../../core/bench/checks/run-probes.ts'
import { probeFile, raised } from './support.ts'

const models = [
  ['quickstart', 'standard', 8 / 255],
  ['quickstart', 'pgd-at', 8 / 255],
  ['cifar10', 'standard', 8 / 255],
  ['cifar10', 'pgd-at', 8 / 255],
  ['fashion-mnist', 'standard', 0.1],
  ['fashion-mnist', 'pgd-at', 0.1],
] as const

const isHere = (id: string): boolean => id === 'quickstart' || existsSync(join(dataFolder(), id))
const fileOf = (id: string, defense: string): Uint8Array =>
  readFileSync(join(packageRoot(), 'models', `${id}-${defense}.onnx`))

describe('the shipped models raise nothing', () => {
  for (const [id, defense, epsilon] of models) {
    test.skipIf(!isHere(id))(`${id} ${defense}`, async () => {
      const dataset = await loadDataset({ id }, { split: 'test' })
      const threatModel = { norm: 'Linf', epsilon, bounds: [0, 1] } as const
      const checks = await probeFile(fileOf(id, defense), dataset, probeSample, { threatModel })
      expect(raised(checks)).toEqual([])
    })
  }
})

test.skipIf(!isHere('fashion-mnist'))(
  'trained in Linf, attacked in L2: random search finds what gradients do not',
  async () => {
    const dataset = await loadDataset({ id: 'fashion-mnist' }, { split: 'test' })
    const threatModel = { norm: 'L2', epsilon: 1.5, bounds: [0, 1] } as const
    const bytes = fileOf('fashion-mnist', 'pgd-at')
    const checks = await probeFile(bytes, dataset, probeSample, { threatModel })
    expect(raised(checks)).toEqual(['search-weaker'])
  },
)
