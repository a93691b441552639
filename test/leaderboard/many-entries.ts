/** Any number of entries that the board accepts, made without runs. */
import { percent } from '../../core/base/figures.ts'
import type { EntryAttack, LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { packOutcomes } from '../../leaderboard/packed-outcomes.ts'
import { hashOf } from '../reports/fixture.ts'
import { boardEntry } from './fixture.ts'

const networks = ['ResNet-18', 'ResNet-50', 'WideResNet-28-10', 'PreActResNet-18', 'ViT-Tiny']
const venues = ['ICLR', 'NeurIPS', 'ICML', 'CVPR', 'arXiv']

/** Entries of different models on CIFAR-10, with between 20 and 60 % under AutoAttack. */
export function manyEntries(count: number): LeaderboardEntry[] {
  const base = boardEntry('base', [9000, 6000, 4000])
  return Array.from({ length: count }, (_, i) => variant(base, i))
}

function variant(base: LeaderboardEntry, i: number): LeaderboardEntry {
  const share = ((i * 7919) % 5000) / 5000
  const limits = [0.2 + 0.4 * share + 0.2, 0.2 + 0.4 * share] as const
  const { examples } = base.dataset
  const outcomes: [string[], string[]] = [[], []]
  let state = i + 1
  for (let at = 0; at < examples; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const difficulty = ((7919 * at) % examples) / examples + 0.06 * (state / 2 ** 32 - 0.5)
    for (const [attack, limit] of limits.entries()) {
      outcomes[attack]![at] = difficulty > 0.88 ? 'w' : difficulty < limit ? 'r' : 'b'
    }
  }
  const name = `model-${String(i).padStart(4, '0')}`
  const attacks = base.attacks.map((attack, at) => counted(attack, outcomes[at]!.join('')))
  const [fgsm, autoattack] = attacks.map(({ robust }) => robust)
  return {
    ...base,
    id: name,
    title: `Model ${i}: adversarial training with ${networks[i % networks.length]}`,
    authors: [`A. Author ${i % 97}`, `B. Writer ${i % 89}`],
    venue: venues[i % venues.length]!,
    year: 2018 + (i % 9),
    architecture: networks[i % networks.length]!,
    ...(i % 3 === 0 && { extraData: '1M synthetic images' }),
    model: { ...base.model, sha256: hashOf(name), parameters: 100_000 + 30 * i },
    clean: { correct: examples - attacks[0]!.wrong },
    attacks: attacks.map((attack) => ({
      ...attack,
      brokenAlone: attack.plugin === 'fgsm' ? 0 : fgsm! - autoattack!,
    })),
    worstCase: { robust: autoattack! },
    checks: recheck(base.checks, {
      clean: examples - attacks[0]!.wrong,
      fgsm: fgsm!,
      autoattack: autoattack!,
      examples,
    }),
  }
}

/** The checks with the figures of these outcomes. */
function recheck(
  checks: LeaderboardEntry['checks'],
  counts: Readonly<Record<'clean' | 'fgsm' | 'autoattack' | 'examples', number>>,
): LeaderboardEntry['checks'] {
  const { examples } = counts
  const share = (part: number, digits?: number): string => percent(part / examples, digits)
  return checks.map((check) => {
    if (check.id === 'clean-accuracy') {
      const evidence = `the accuracy is ${share(counts.clean, 1)}`
      return { ...check, value: counts.clean / examples, evidence }
    }
    if (check.id !== 'iterations-help') return check
    return {
      ...check,
      value: counts.autoattack / examples - counts.fgsm / examples,
      evidence:
        `fgsm (one step) leaves ${share(counts.fgsm)}, autoattack ` + share(counts.autoattack),
    }
  })
}

/** The attack with these outcomes, and with the passes that they take. */
function counted(attack: EntryAttack, outcomes: string): EntryAttack {
  const robust = outcomes.replaceAll(/[wb]/g, '').length
  const wrong = outcomes.replaceAll(/[rb]/g, '').length
  const { length } = outcomes
  const spent = attack.plugin === 'fgsm' ? length - wrong : robust
  const [forward, backward] = attack.plugin === 'fgsm' ? ([2, 1] as const) : ([7820, 1900] as const)
  return {
    ...attack,
    outcomes: packOutcomes(outcomes),
    wrong,
    robust,
    broken: length - wrong - robust,
    forwardPasses: forward * spent,
    backwardPasses: backward * spent,
  }
}
