/** Every broken defense of the zoo is detected, and the sound model behind it raises nothing. */
import { describe, expect, test } from 'vitest'
import { overallVerdict } from '../../../../core/bench/checks/check.ts'
import type { Check } from '../../../../core/bench/checks/check.ts'
import { embeddedDataset } from '../../../../core/data/embedded.ts'
import { probeFile, raised } from './support.ts'
import { soundFile, raisedBy, zooFile, zooNames } from './zoo.ts'
import type { ZooName } from './zoo.ts'

const dataset = embeddedDataset('test')
const threatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] } as const
const probed = new Map<ZooName, Promise<Check[]>>()

/** The checks of a defense, which run once. */
function checksOf(name: ZooName): Promise<Check[]> {
  let checks = probed.get(name)
  checks ??= zooFile(name).then((file) => probeFile(file, dataset, 10, { threatModel }))
  probed.set(name, checks)
  return checks
}

test('the sound model raises nothing', async () => {
  const checks = await probeFile(soundFile(), dataset, 24, { threatModel })
  expect(raised(checks)).toEqual([])
  expect(overallVerdict(checks)).toBe('pass')
})

describe('the zoo', () => {
  test.each(zooNames)('%s is detected', async (name) => {
    expect(raised(await checksOf(name))).toEqual(expect.arrayContaining([...raisedBy[name]]))
  })

  test('for huge logits with zero cross-entropy gradients, losses-agree fails', async () => {
    const checks = await checksOf('logits times 1000')
    const losses = checks.find(({ id }) => id === 'losses-agree')
    expect(losses?.verdict).toBe('fail')
    expect(losses?.value).toBeGreaterThan(0.75)
  })

  test('the evidence for a binarized network says what random points break', async () => {
    const checks = await checksOf('binarized input')
    const available = checks.find(({ id }) => id === 'gradient-available')
    expect(available?.verdict).toBe('fail')
    expect(available?.evidence).toMatch(
      /^gradient unavailable: .* zero for (\d+) of \1 examples; random points of the ball break [1-9]/,
    )
  })
})
