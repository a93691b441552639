/** Figures, options, and texts that an entry states, and that its outcomes or suite refute. */
import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { auditEntries } from '../../leaderboard/audit.ts'
import { thresholds } from '../../leaderboard/check-rules.ts'
import { checkEntry } from '../../leaderboard/entry.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { packOutcomes, unpackOutcomes } from '../../leaderboard/packed-outcomes.ts'
import { outcomeChecks } from '../../core/bench/checks/outcome-checks.ts'
import { probes } from '../../core/bench/checks/probes.ts'
import { hashOf } from '../reports/fixture.ts'
import { boardEntry } from './fixture.ts'
import { refusal, withSuite } from './refusal.ts'

const honest = boardEntry('honest', [9000, 5000, 3000])
const { examples } = honest.dataset

function withAttack(at: number, change: object, entry = honest): LeaderboardEntry {
  const attacks = entry.attacks.map((attack, i) => (i === at ? { ...attack, ...change } : attack))
  return { ...entry, attacks }
}

function withCheck(id: string, change: object): LeaderboardEntry {
  const checks = honest.checks.map((check) => (check.id === id ? { ...check, ...change } : check))
  return { ...honest, checks }
}

function withRun(change: object): LeaderboardEntry {
  return { ...honest, run: { ...honest.run, ...change } }
}

function indexOf(id: string): number {
  return honest.checks.findIndex((check) => check.id === id)
}

describe('checks of outcomes are those that the outcomes give', () => {
  test('also where the entry says that they do not apply', async () => {
    // The worst case is below AutoAttack by no more than one example; FGSM is weaker than it.
    const hidden = { verdict: 'not-applicable', value: null, threshold: null, evidence: 'no' }
    const at = indexOf('iterations-help')
    expect(await refusal(withCheck('iterations-help', hidden))).toBe(
      `0.json#/checks/${at}: "iterations-help" is "pass" from the outcomes: fgsm (one step) ` +
        'leaves 50.00 %, autoattack 30.00 %',
    )
  })

  test('a warning, hidden or not', async () => {
    const silent = withAttack(1, { silentSuccesses: 10 })
    const at = indexOf('no-silent-success')
    const reason = `0.json#/checks/${at}: "no-silent-success" is "warn" from the outcomes`
    expect(await refusal(silent)).toContain(reason)
    const hidden = { verdict: 'not-applicable', value: null, threshold: null, evidence: 'no' }
    const { checks } = withCheck('no-silent-success', hidden)
    expect(await refusal({ ...silent, checks })).toContain(reason)
    const evidence = `autoattack queried a misclassified point but returned none for 10 of 10,000 examples`
    const warned = withCheck('no-silent-success', { verdict: 'warn', value: 10, evidence })
    expect(await refusal({ ...silent, checks: warned.checks })).toBeUndefined()
  })

  test.for<[string, object, string]>([
    ['a value', { value: -0.9 }, '/value: of "iterations-help" is -0.2'],
    ['evidence', { evidence: 'verified' }, '/evidence: of "iterations-help" is "fgsm (one step)'],
  ])('with %s', async ([, change, reason]) => {
    expect(await refusal(withCheck('iterations-help', change))).toContain(reason)
  })
})

describe('a check that passes', () => {
  test.for<[string, string, object, string]>([
    ['has a value', 'losses-agree', { value: null }, '/value: "losses-agree" passes, so it has'],
    [
      'has a threshold',
      'losses-agree',
      { value: 0.99, threshold: null },
      '/threshold: of "losses-agree" must be 0.1, got null',
    ],
    [
      'has the threshold of robench',
      'losses-agree',
      { value: 5, threshold: 1e9 },
      '/threshold: of "losses-agree" must be 0.1, got 1000000000',
    ],
    [
      'has that of its data',
      'huge-epsilon-breaks',
      { threshold: 0.5 },
      '/threshold: of "huge-epsilon-breaks" must be 0.1, got 0.5',
    ],
  ])('%s', async ([, id, change, reason]) => {
    expect(await refusal(withCheck(id, change))).toContain(`/checks/${indexOf(id)}${reason}`)
  })

  test('has a known threshold, that of the shipped entries', () => {
    const own = ['huge-epsilon-breaks', 'clean-accuracy']
    const ids = [...probes, ...outcomeChecks].map(({ id }) => id)
    expect(Object.keys(thresholds).toSorted()).toEqual(
      ids.filter((id) => !own.includes(id)).toSorted(),
    )
    const folder = new URL('../../leaderboard/entries/cifar10/linf-8-255/', import.meta.url)
    for (const file of readdirSync(folder).filter((name) => /^[\w-]+\.json$/.test(name))) {
      const entry = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as LeaderboardEntry
      for (const { id, verdict, threshold } of entry.checks) {
        if (verdict === 'pass' && !own.includes(id)) expect(thresholds[id]).toContain(threshold)
      }
    }
  })
})

test('every example takes a pass, also one that falls at once', async () => {
  const outcomes = `${'b'.repeat(9000)}${'w'.repeat(1000)}`
  const counts = { robust: 0, broken: 9000, brokenAlone: 5000, outcomes: packOutcomes(outcomes) }
  const first = unpackOutcomes(honest.attacks[0]!.outcomes, examples)
  const own = 'outcomes' in first ? first.outcomes : ''
  const fallen = packOutcomes(own.replaceAll('r', 'b'))
  const broken = withAttack(1, { ...counts, outcomes: fallen, forwardPasses: 0, backwardPasses: 0 })
  const entry = { ...broken, worstCase: { robust: 0 } }
  const alone = entry.attacks.map((attack, at) => ({
    ...attack,
    brokenAlone: at === 0 ? 0 : honest.attacks[0]!.robust,
  }))
  expect(await refusal({ ...entry, attacks: alone })).toContain(
    '/attacks/1/forwardPasses: "autoattack" takes at least one pass for each of 9000 examples, ' +
      'got 0 forward and backward',
  )
})

describe('texts', () => {
  test('of suite, training card, and machine follow the rule', async () => {
    const suite = withSuite(honest, { title: '\u0412oard of the \u0410utoAttack authors' })
    expect(await refusal(suite)).toContain('/run/suite/title: "\u0412oard" mixes letters')
    const card = { ...honest, training: { '\u0410utoAttack': 1 } }
    expect(await refusal(card)).toContain('/training: in a key, "\u0410utoAttack" mixes letters')
    const environment = { ...honest.run.environment, cpu: 'checked \u2714' }
    expect(await refusal(withRun({ environment }))).toContain('contains the check mark U+2714')
  })
})

describe('plugins of other packages', () => {
  const packages = [
    ...honest.run.packages,
    { name: 'acme', version: '1.0.0', integrity: hashOf('acme') },
  ]
  const more = { plugin: 'acme/x', name: 'x', options: { steps: 1, network: { id: 'a' } } }
  const { robust, broken, wrong, outcomes } = honest.attacks[1]!
  const counts = { robust, broken, wrong, outcomes, silentSuccesses: 0 }
  const foreign = {
    name: 'x',
    plugin: 'acme/x',
    package: 'acme',
    version: 1,
    seed: 0,
    brokenAlone: 0,
    ...counts,
    forwardPasses: 9000,
    backwardPasses: 9000,
    elapsedMs: 1,
    options: { steps: 1, size: 2, network: { id: 'a', options: {} } },
  }

  function withForeign(change: object, version = '1.0.0'): LeaderboardEntry {
    const attacks = honest.attacks.map((attack) => ({ ...attack, brokenAlone: 0 }))
    const suite = honest.run.suite.content as { readonly attacks: readonly object[] }
    const entry = withSuite(
      { ...honest, attacks: [...attacks, { ...foreign, ...change }] },
      { attacks: [...suite.attacks, more], plugins: ['acme'] },
    )
    const own = packages.map((one) => (one.name === 'acme' ? { ...one, version } : one))
    const checks = entry.checks.map((check) =>
      check.id === 'answers-keep-rules'
        ? { ...check, evidence: '3 of 3 attacks followed the rules' }
        : check.id === 'no-silent-success'
          ? { ...check, evidence: 'none of 3 observed attacks lost a misclassified point' }
          : check,
    )
    return { ...entry, checks, run: { ...entry.run, packages: own } }
  }

  test('have the options of the suite, and defaults beside them', async () => {
    expect(await refusal(withForeign({}))).toBeUndefined()
    const stronger = { ...foreign.options, steps: 100_000 }
    expect(await refusal(withForeign({ options: stronger }))).toBe(
      '0.json#/attacks/2/options/steps: must be that of the suite, 1; got 100000',
    )
    const other = { ...foreign.options, network: { id: 'b', options: {} } }
    expect(await refusal(withForeign({ options: other }))).toContain('/options/network: must be')
  })

  test('have a version', async () => {
    const place = `0.json#/run/packages/${packages.length - 1}/version`
    expect(await refusal(withForeign({}, '1.0.0 — audited by robench'))).toBe(
      `${place}: must be a version such as 1.2.3, got 1.0.0 — audited by robench`,
    )
    expect(await refusal({ ...honest, defense: { ...honest.defense, version: 0 } })).toBe(
      '0.json#/defense/version: must be at least 1',
    )
  })
})

describe('copies of outcomes under another model file', () => {
  const model = { ...honest.model, sha256: hashOf('rival') }
  const evidence = { result: hashOf('result'), units: hashOf('chunks') }
  const rival = { ...honest, id: 'rival', model, evidence }
  const isCopy = /^1\.json#\/attacks/

  test('with the attacks in another order', async () => {
    const checks = honest.checks.map((check) =>
      check.id === 'white-box-run' ? { ...check, evidence: 'white-box: autoattack, fgsm' } : check,
    )
    const attacks = honest.attacks.toReversed()
    expect(await refusal(honest, { ...rival, attacks, checks })).toMatch(isCopy)
  })

  test('with another seed', async () => {
    const attacks = honest.attacks.map((attack) => ({ ...attack, seed: 1 }))
    expect(await refusal(honest, withSuite({ ...rival, attacks }, { seeds: [1] }))).toMatch(isCopy)
  })

  test('with one outcome of a block changed in ten blocks of twenty less one', async () => {
    expect(await refusal(honest, changed(9))).toBe(
      '1.json#/attacks/0/outcomes: 20 of 20 blocks of 500 examples are those of 0.json, which ' +
        'has another model file',
    )
  })

  /** The rival, of which AutoAttack broke the first robust example of so many blocks. */
  function changed(blocks: number): LeaderboardEntry {
    const found = unpackOutcomes(honest.attacks[1]!.outcomes, examples)
    const marks = 'outcomes' in found ? [...found.outcomes] : []
    for (let block = 0; block < blocks; block++) marks[marks.indexOf('r', 500 * block)] = 'b'
    const { robust, broken, brokenAlone } = honest.attacks[1]!
    const counts = {
      outcomes: packOutcomes(marks.join('')),
      robust: robust - blocks,
      broken: broken + blocks,
      brokenAlone: brokenAlone + blocks,
    }
    const entry = withAttack(1, counts, rival)
    const share = `${((robust - blocks) / 100).toFixed(2)} %`
    return {
      ...entry,
      worstCase: { robust: entry.worstCase.robust - blocks },
      checks: entry.checks.map((check) =>
        check.id === 'iterations-help'
          ? {
              ...check,
              value: (robust - blocks) / examples - honest.attacks[0]!.robust / examples,
              evidence: check.evidence.replace('30.00 %', share),
            }
          : check,
      ),
    }
  }
})

describe('an entry is refused', () => {
  test.for<[string, () => object, string]>([
    [
      'with an attack under the name of another one',
      () => {
        const content = honest.run.suite.content as { readonly attacks: readonly object[] }
        const [first, ...others] = content.attacks
        const named = withAttack(0, { name: 'pgd' })
        return withSuite(named, { attacks: [{ ...first, name: 'pgd' }, ...others] })
      },
      '/attacks/0/name: "pgd" is the name of another attack of robench',
    ],
    [
      'with other draws than those of its suite',
      () => withAttack(1, { draws: 1 }, withAttack(0, { draws: 1 })),
      '/attacks/0/draws: must be those of the suite, 10; got 1',
    ],
    [
      'after a limit',
      () => withRun({ command: 'npx robench run a.json --limit 10' }),
      'has --limit',
    ],
    [
      'without probes',
      () => withRun({ command: "robench run a.json '--no-checks'" }),
      "has '--no-checks, so it is not this run",
    ],
    [
      'after another command',
      () => withRun({ command: 'robench clean --all' }),
      'must be a call of robench run or merge',
    ],
    [
      'after a long command',
      () => withRun({ command: `robench run ${'a'.repeat(3000)}` }),
      '/run/command: must have at most 2000 characters',
    ],
    [
      'with passes in no time',
      () => withAttack(0, { elapsedMs: 0 }),
      '/attacks/0/elapsedMs: passes take more than 0 ms',
    ],
    [
      'on published data of which no hash is known',
      () => ({
        ...withSuite(honest, { dataset: { id: 'svhn' } }),
        dataset: { ...honest.dataset, id: 'svhn', title: 'SVHN' },
      }),
      '/dataset/sha256: this robench does not list the hash of "svhn"',
    ],
    [
      'on MNIST with the hash of other data',
      () => ({
        ...withSuite(honest, { dataset: { id: 'mnist' } }),
        dataset: { ...honest.dataset, id: 'mnist', title: 'MNIST' },
      }),
      '/dataset/sha256: "mnist" has f84ce821',
    ],
  ])('%s', async ([, forged, reason]) => {
    expect(await refusal(forged())).toContain(reason)
  })

  test.for([0.0313725490196078, 0.0313725, 7.9999 / 255, 0.0314])(
    'with ε = %s, a hair beside 8/255',
    async (epsilon) => {
      const entry = { ...honest, threatModel: { ...honest.threatModel, epsilon } }
      const threatModels = [{ norm: 'Linf', epsilon }]
      expect(await refusal(withSuite(entry, { threatModels }))).toBe(
        `0.json#/threatModel/epsilon: must be 8/255 exactly (0.03137254901960784), got ${epsilon}`,
      )
    },
  )

  test.for([8 / 255, 0.1, 0.025, 0.3, 0.5, 128 / 255, 1, 12, 0.063])(
    'but not with ε = %s',
    async (epsilon) => {
      const entry = { ...honest, threatModel: { ...honest.threatModel, epsilon } }
      const threatModels = [{ norm: 'Linf', epsilon }]
      expect((await refusal(withSuite(entry, { threatModels }))) ?? '').not.toContain('exactly')
    },
  )
})

test('a second entry with other data of the same id is named', async () => {
  const other = boardEntry('other', [8000, 4000, 2000])
  const rules = {
    isPrivate: true,
    datasetOf: () => ({ examples: 10_000, classes: 10 }),
  }
  const labels = [honest, { ...other, dataset: { ...other.dataset, sha256: 'a1'.repeat(32) } }].map(
    (entry, at) => ({ entry: checkEntry(entry, `${at}.json`, rules), label: `${at}.json` }),
  )
  await expect(auditEntries(labels, rules)).rejects.toThrow(
    '1.json#/dataset/sha256: is not that of 0.json, which has data of the same id',
  )
})
