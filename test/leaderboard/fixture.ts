/** The entries of a leaderboard, converted from results as real ones are. */
import { draftEntry, entryFromResult } from '../../leaderboard/from-result.ts'
import type { EntryExtras } from '../../leaderboard/from-result.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import type { Check } from '../../core/bench/checks/check.ts'
import { thresholds } from '../../leaderboard/check-rules.ts'
import type { AttackFacts } from '../../core/bench/checks/outcome-check.ts'
import { checkOutcomes, outcomeChecks } from '../../core/bench/checks/outcome-checks.ts'
import { probes } from '../../core/bench/checks/probes.ts'
import type { ResultEntry, RunResult } from '../../core/bench/result/result.ts'
import { checkSuite } from '../../core/bench/suite/load.ts'
import { hashOf, makeEntry, makeResult, training } from '../reports/fixture.ts'

/** The data sets of the board, with their real hashes. */
const datasets = {
  cifar10: {
    id: 'cifar10',
    title: 'CIFAR-10',
    sha256: '054c114fe3c9b8e97130b8a3c530648056ee2b6f6d4cc33d35742f1948213b6d',
    toy: false,
    examples: 10_000,
    total: 10_000,
  },
  'fashion-mnist': {
    id: 'fashion-mnist',
    title: 'Fashion-MNIST',
    sha256: '8b99533ccff2d0ce4c57aaf1dfbd409ae0fe8dc8f35db68fa9378126e7759057',
    toy: false,
    examples: 10_000,
    total: 10_000,
  },
} as const

/** Options, version, and passes per robust example of the plugins that stand in for others. */
const real: Readonly<
  Record<string, { readonly options: object; readonly version: number; passes: [number, number] }>
> = {
  fgsm: {
    version: 1,
    passes: [2, 1],
    options: {
      restarts: 1,
      loss: 'cross-entropy',
      goal: 'untargeted',
      target: 'random',
      randomStart: false,
    },
  },
  autoattack: { version: 4, passes: [7820, 1900], options: { version: 'standard' } },
}

/** Checks that pass from their threshold on. */
const passesFrom = ['gradient-matches-differences', 'enough-classes', 'white-box-run']

/** Thresholds that depend on data or model. */
const ownThresholds: Readonly<Record<string, number>> = { 'huge-epsilon-breaks': 0.1 }

/** Facts of the attacks of `real` for checks of outcomes. */
const white: AttackFacts = { knowledge: 'white-box' }

/** Every check, passed. */
export const passed: Check[] = [...probes, ...outcomeChecks].map(({ id, title }) => ({
  id,
  title,
  verdict: 'pass',
  value: passesFrom.includes(id) ? 4 : 0,
  threshold: ownThresholds[id] ?? thresholds[id]?.[0] ?? null,
  evidence: 'nothing was found',
}))

/** A result entry that the board accepts: real data and options, AutoAttack in place of pgd. */
export function evident(entry: ResultEntry): ResultEntry {
  const name = entry.dataset.id === 'fashion-mnist' ? 'fashion-mnist' : 'cifar10'
  const made: ResultEntry = {
    ...entry,
    dataset: datasets[name],
    defense: {
      ...entry.defense,
      options:
        entry.defense.plugin === 'onnx-model'
          ? { bounds: [0, 1], file: `models/${entry.defense.name}.onnx`, layout: 'NCHW' }
          : {},
    },
    checks: entry.checks ?? passed,
    attacks: entry.attacks.map((result, at) => {
      if (result.state === 'failed') return result
      const { attack, outcomes } = result
      const plugin = attack.plugin === 'pgd' ? 'autoattack' : attack.plugin
      const known = real[plugin]
      const robust = outcomes.replaceAll(/[wb]/g, '').length
      const spent = plugin === 'fgsm' ? outcomes.replaceAll('w', '').length : robust
      const [forward, backward] = known?.passes ?? [1, 0]
      return {
        ...result,
        attack: {
          ...attack,
          name: plugin === 'corruption' ? `corruption-${at}` : plugin,
          plugin,
          ...(known && identityOf(known)),
        },
        ...(!entry.threatModel.transform && !result.draws && { silentSuccesses: 0 }),
        forwardPasses: known ? forward * spent : outcomes.length,
        backwardPasses: backward * spent,
      }
    }),
  }
  return entry.checks ? made : { ...made, checks: checksOf(made) }
}

/** Every probe, passed, and the checks of outcomes as they come out. */
function checksOf(entry: ResultEntry): Check[] {
  const repeated = checkOutcomes({
    entry,
    entries: [entry],
    classes: 10,
    factsOf: (id) => (id in real ? white : undefined),
  })
  return [...passed.slice(0, probes.length), ...repeated]
}

function identityOf({ version, options }: (typeof real)[string]): {
  readonly version: number
  readonly options: Record<string, unknown>
} {
  return { version, options: { ...options } }
}

/** A result with such entries, and with the suite that they would come from. */
export function boardResult(given: readonly ResultEntry[]): RunResult {
  const entries = given.map(evident)
  const [first] = entries
  const { norm, epsilon, transform } = first!.threatModel
  const content = checkSuite(
    {
      id: 'board',
      title: 'Board',
      dataset: { id: first!.dataset.id },
      threatModels: [{ norm, epsilon, ...(transform && { transform }) }],
      defenses: entries.map(({ defense }) => ({
        name: defense.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^-/, '') || 'a',
        plugin: defense.plugin,
        options: defense.options,
      })),
      attacks: first!.attacks.map(({ attack }, at, all) => ({
        // Some names are no names of a suite, or are repeated.
        name:
          /^[\w.-]+$/.test(attack.name) &&
          all.findIndex((other) => other.attack.name === attack.name) === at
            ? attack.name
            : `attack-${at}`,
        plugin: attack.plugin,
        options: attack.options,
      })),
    },
    'board',
    '.',
  )
  return makeResult(entries, {
    suite: { id: 'board', title: 'Board', sha256: content.sha256, content: content.suite },
    packages: [{ name: 'robench', version: '0.1.0', integrity: hashOf('robench') }],
    evidence: { units: { count: 60, sha256: hashOf('units') } },
    startedAt: '2026-01-22T13:12:04.120Z',
    finishedAt: '2026-01-22T14:03:51.903Z',
  })
}

/** The board's entry of a result entry. */
export function entryOf(entry: ResultEntry, extras: EntryExtras = {}): LeaderboardEntry {
  const result = boardResult([entry])
  return entryFromResult(result, result.entries[0]!, extras)
}

/** The entry of a result entry that the board would refuse, for its attacks or its data. */
export function uncheckedEntry(entry: ResultEntry, extras: EntryExtras = {}): LeaderboardEntry {
  const result = boardResult([entry])
  // Its form is that of an entry.
  return draftEntry(result, result.entries[0]!, extras) as LeaderboardEntry
}

/** An entry with these counts of correct, fgsm-robust, and AutoAttack-robust examples, of 10,000. */
export function boardEntry(
  name: string,
  [clean, fgsm, autoattack]: readonly [number, number, number],
  changes: Partial<ResultEntry> = {},
  extras: EntryExtras = {},
): LeaderboardEntry {
  return entryOf(
    makeEntry(name, { clean, robust: { fgsm, 'pgd-20': autoattack } }, changes),
    extras,
  )
}

/** Two tables: seven entries on CIFAR-10, some of them tied, and two on Fashion-MNIST. */
export function board(): LeaderboardEntry[] {
  const fashion: Partial<ResultEntry> = {
    dataset: datasets['fashion-mnist'],
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
