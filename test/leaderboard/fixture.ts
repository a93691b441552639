/** The entries of a leaderboard, converted from results as real ones are. */
import { entryFromResult } from '../../leaderboard/from-result.ts'
import type { EntryExtras } from '../../leaderboard/from-result.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry.ts'
import type { ResultEntry } from '../../core/bench/result/result.ts'
import { hashOf, makeEntry, makeResult, training } from '../reports/fixture.ts'

/** An entry with these counts of correct, fgsm-robust, and pgd-robust examples, of 10,000. */
export function boardEntry(
  name: string,
  [clean, fgsm, pgd]: readonly [number, number, number],
  changes: Partial<ResultEntry> = {},
  extras: EntryExtras = {},
): LeaderboardEntry {
  const entry = makeEntry(name, { clean, robust: { fgsm, 'pgd-20': pgd } }, changes)
  return entryFromResult(makeResult([entry]), entry, extras)
}

/** Two tables: seven entries on CIFAR-10, some of them tied, and two on Fashion-MNIST. */
export function board(): LeaderboardEntry[] {
  const dataset = {
    id: 'fashion-mnist',
    title: 'Fashion-MNIST',
    sha256: hashOf('fashion-mnist'),
    toy: false,
    examples: 10_000,
    total: 10_000,
  }
  const fashion: Partial<ResultEntry> = {
    dataset,
    threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
  }
  const paper = 'https://arxiv.org/abs/1706.06083'
  const code = 'https://example.org/code'
  const trained: LeaderboardEntry = {
    ...boardEntry(
      'pgd-at',
      [6925, 4488, 3961],
      {},
      {
        title: 'PGD adversarial training, ResNet-18 (16 channels)',
        authors: ['A. Madry', 'A. Makelov', 'L. Schmidt'],
        paper,
        code,
      },
    ),
    training,
  }
  return [
    boardEntry('standard', [8312, 410, 12], {}, { title: 'Undefended training' }),
    trained,
    boardEntry(
      'trades',
      [7050, 4610, 4002],
      {},
      { title: 'TRADES, β = 6', authors: ['H. Zhang'], paper },
    ),
    boardEntry('trn', [7431, 4702, 4051], {}, { title: 'Transformation-rectifying network', code }),
    boardEntry('freq', [7812, 3320, 2711], {}, { title: 'Frequency restoration' }),
    boardEntry('smooth', [6120, 3398, 2790], {}, { title: 'Input smoothing' }),
    boardEntry('quantized', [8105, 1204, 405], {}, { title: 'JPEG-like quantization', paper }),
    boardEntry('standard', [9012, 2210, 320], fashion, { title: 'Undefended training' }),
    boardEntry('pgd-at', [8231, 7320, 6904], fashion, { title: 'PGD adversarial training' }),
  ]
}
