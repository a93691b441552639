import { describe, expect, test } from 'vitest'
import type { Check } from '../../../../core/bench/checks/check.ts'
import { rankingObstacles } from '../../../../core/bench/result/rankable.ts'

const dataset = {
  id: 'cifar10',
  title: 'CIFAR-10',
  sha256: '0'.repeat(64),
  toy: false,
  examples: 10_000,
  total: 10_000,
}
const attacks = [{ state: 'completed', attack: { name: 'pgd' } }] as const
const check: Check = {
  id: 'noise-weaker',
  title: 'Noise is weaker than gradients',
  verdict: 'warn',
  value: 0,
  threshold: 0.02,
  evidence: 'random points break 0 of 64 examples',
}

describe('an entry', () => {
  test('on all examples of a published data set, all attacks completed, is rankable', () => {
    expect(rankingObstacles({ dataset, attacks, checks: [check] })).toEqual([])
  })

  test.each([
    [{ examples: 200 }, 'only the first 200 of 10000 examples were used'],
    [{ id: 'quickstart', toy: true }, '"quickstart" is a toy data set'],
    [{ id: 'npy' }, 'private data: not independently verifiable'],
  ])('with data %o is not', (change, reason) => {
    expect(rankingObstacles({ dataset: { ...dataset, ...change }, attacks })).toEqual([reason])
  })

  test('without probes is not', () => {
    expect(rankingObstacles({ dataset, attacks, isProbed: false })).toEqual([
      'the reliability probes were skipped',
    ])
  })

  test('without attacks, or with a failed one, is not', () => {
    expect(rankingObstacles({ dataset, attacks: [] })).toEqual(['no attack was run'])
    const failed = { state: 'failed', attack: { name: 'fgsm' } } as const
    expect(rankingObstacles({ dataset, attacks: [...attacks, failed] })).toEqual([
      'attack "fgsm" failed',
    ])
  })

  test('whose checks fail, or failed to run, is not; warnings do not count', () => {
    const failed = { ...check, verdict: 'fail' } as const
    expect(rankingObstacles({ dataset, attacks, checks: [check, failed] })).toEqual([
      'a reliability check failed (Noise is weaker than gradients): ' +
        'random points break 0 of 64 examples',
    ])
    const error = { name: 'RunError', code: 'ROBENCH_TIMEOUT', message: 'too slow' } as const
    expect(rankingObstacles({ dataset, attacks }, error)).toEqual([
      'the reliability checks failed to run: too slow',
    ])
  })
})
