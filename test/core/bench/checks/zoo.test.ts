/** Every defense that is broken on purpose is caught, and the honest model it is made from raises nothing. */
import { describe, expect, test } from 'vitest'
import { overallVerdict } from '../../../../core/bench/checks/check.ts'
import type { Check } from '../../../../core/bench/checks/check.ts'
import { embeddedDataset } from '../../../../core/data/embedded.ts'
import { probeFile, raised } from './support.ts'
import { honestFile, raisedBy, zooFile, zooNames } from './zoo.ts'
import type { ZooName } from './zoo.ts'

const dataset = embeddedDataset('test')
const threatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] } as const
const probed = new Map<ZooName, Promise<Check[]>>()

/** The checks of a defense, made once. */
function checksOf(name: ZooName): Promise<Check[]> {
  let checks = probed.get(name)
  checks ??= probeFile(zooFile(name), dataset, 10, { threatModel })
  probed.set(name, checks)
  return checks
}

test('the honest model raises nothing', async () => {
  const checks = await probeFile(honestFile(), dataset, 24, { threatModel })
  expect(raised(checks)).toEqual([])
  expect(overallVerdict(checks)).toBe('pass')
})

describe('the zoo', () => {
  test.each(zooNames)('%s is caught', async (name) => {
    expect(raised(await checksOf(name))).toEqual(expect.arrayContaining([...raisedBy[name]]))
  })

  test('with logits so large that the gradient of cross-entropy is zero, the advice is another loss', async () => {
    const checks = await checksOf('logits times 1000')
    const losses = checks.find(({ id }) => id === 'losses-agree')
    expect(losses?.verdict).toBe('fail')
    expect(losses?.value).toBeGreaterThan(0.75)
  })

  test('a binarized network is called "gradient unavailable", with what random points fool', async () => {
    const checks = await checksOf('binarized input')
    const available = checks.find(({ id }) => id === 'gradient-available')
    expect(available?.verdict).toBe('fail')
    expect(available?.evidence).toMatch(
      /^gradient unavailable: the gradient of every loss is zero for (\d+) of \1 examples; random points of the ball break [1-9]/,
    )
  })
})
