/** Entries whose parts cannot be true together, or not beside other entries of the board. */
import { describe, expect, test } from 'vitest'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { chooseAttack } from '../../core/bench/plan/resolve-attacks.ts'
import { loadRegistry } from '../../core/plugin/load.ts'
import { hashOf } from '../reports/fixture.ts'
import { boardEntry } from './fixture.ts'
import { refusal, withSuite } from './refusal.ts'

const honest = boardEntry('honest', [9000, 5000, 3000])
const suite = honest.run.suite.content as {
  readonly threatModels: readonly object[]
  readonly attacks: readonly object[]
}
const own = honest.threatModel.epsilon

function withAttack(at: number, change: object): object {
  const attacks = honest.attacks.map((attack, i) => (i === at ? { ...attack, ...change } : attack))
  return { ...honest, attacks }
}

function withChecks(change: object, id?: string): object {
  const checks = honest.checks.map((check) =>
    id === undefined || check.id === id ? { ...check, ...change } : check,
  )
  return { ...honest, checks }
}

function withRun(change: object): object {
  return { ...honest, run: { ...honest.run, ...change } }
}

/** The entry with a curve of three sizes, as its suite states it. */
function withCurves(worst: readonly number[]): LeaderboardEntry {
  const epsilons = [0.01, own, 0.05]
  const robust = [
    [7000, 5000, 100],
    [3500, 3000, 50],
  ]
  const entry = {
    ...honest,
    attacks: honest.attacks.map((attack, at) => ({
      ...attack,
      curve: { epsilons, robust: robust[at]! },
    })),
    worstCase: { ...honest.worstCase, curve: { epsilons, robust: [...worst] } },
  }
  return withSuite(entry, { threatModels: [{ norm: 'Linf', epsilon: own, curve: [0.01, 0.05] }] })
}

describe('an honest entry is taken:', () => {
  test('with a curve', async () => {
    expect(await refusal(withCurves([3300, 3000, 50]))).toBeUndefined()
  })

  test('with attacks that a matrix of its suite names', async () => {
    const attacks = [{ plugin: 'fgsm', matrix: { restarts: [1] } }, ...suite.attacks.slice(1)]
    const named = { ...honest.attacks[0]!, name: 'fgsm-1' }
    const checks = honest.checks.map((check) => ({
      ...check,
      evidence: check.evidence.replaceAll('fgsm', 'fgsm-1'),
    }))
    const entry = { ...honest, checks, attacks: [named, ...honest.attacks.slice(1)] }
    expect(await refusal(withSuite(entry, { attacks }))).toBeUndefined()
  })

  test('beside others of its result, of its model, and of other models', async () => {
    const [other, third] = [boardEntry('b', [9100, 5100, 3100]), boardEntry('c', [8000, 900, 800])]
    const same = { ...boardEntry('d', [9050, 4800, 2800]), model: honest.model }
    const { evidence, run, defense } = honest
    const ofResult = { ...third, evidence, run, defense }
    expect(await refusal(honest, other, same, ofResult)).toBeUndefined()
  })
})

describe('an entry is refused', () => {
  test.for<[string, () => object | Promise<object>, string]>([
    [
      'without an attack of its suite',
      () => {
        const more = { plugin: 'fgsm', name: 'strong', options: { randomStart: true } }
        return withSuite(honest, { attacks: [...suite.attacks, more] })
      },
      '0.json#/attacks: the suite has the attack "strong" with seed 0, the entry does not',
    ],
    [
      'without a seed of its suite',
      () => withSuite(honest, { seeds: [0, 1, 2] }),
      '/attacks: "fgsm" must be there with each seed of the suite, not without 1, 2',
    ],
    [
      'with an attack twice',
      () => ({ ...honest, attacks: [honest.attacks[0], ...honest.attacks] }),
      '/attacks/1: "fgsm" with seed 0 is repeated',
    ],
    [
      'with the options of one attack under the name of another',
      () => {
        const more = { plugin: 'fgsm', name: 'strong', options: { randomStart: true } }
        const weak = { ...honest.attacks[0]!, name: 'strong' }
        const entry = { ...honest, attacks: [...honest.attacks, weak] }
        const worst = entry.attacks.map((attack) => ({ ...attack, brokenAlone: 0 }))
        const alone = honest.attacks[1]!.brokenAlone
        worst[1] = { ...worst[1]!, brokenAlone: alone }
        return withSuite({ ...entry, attacks: worst }, { attacks: [...suite.attacks, more] })
      },
      '/attacks/2/options: the suite has no "strong" with these options',
    ],
    [
      'with an attack that does not support its norm',
      async () => {
        const first = { name: 'fgsm', plugin: 'sparse-pgd' }
        const given = { plugin: 'sparse-pgd', options: {} }
        const { options } = await chooseAttack(await loadRegistry(), given, '')
        const sparse = { ...honest.attacks[0]!, plugin: 'sparse-pgd', options }
        const entry = { ...honest, attacks: [sparse, honest.attacks[1]!] }
        return withSuite(entry, { attacks: [first, suite.attacks[1]] })
      },
      '/attacks/0: attack "sparse-pgd" supports the norm L0',
    ],
    [
      'that does not say whether attacks lost what they found',
      () => withAttack(0, { silentSuccesses: undefined }),
      '/attacks/0/silentSuccesses: is missing',
    ],
    [
      'whose attack lost more than it left',
      () => withAttack(1, { silentSuccesses: 3001 }),
      '/attacks/1/silentSuccesses: must be at most 3000, the robust examples',
    ],
    [
      'whose model is drawn under one attack only',
      () => withAttack(1, { draws: 10, silentSuccesses: undefined }),
      '/attacks/1/draws: must be those of attack 0',
    ],
    [
      'whose model is drawn, and repeats its outputs',
      () => ({
        ...honest,
        attacks: honest.attacks.map((attack) => ({
          ...attack,
          draws: 10,
          silentSuccesses: undefined,
        })),
      }),
      '/checks/11: says that outputs repeat exactly, but attack 0 has draws',
    ],
    [
      'with corruptions that are none',
      () => withAttack(0, { corrupted: 5000 }),
      '/attacks/0/corrupted: must be stated by corruptions, and by no other attack',
    ],
    [
      'with a worst case above an attack',
      () => withCurves([7000, 3000, 50]),
      '/worstCase/curve/robust/0: must be from 1500 to 3500, as the attacks give, got 7000',
    ],
    [
      'with a worst case below what the attacks break together',
      () => {
        const entry = withCurves([3300, 3000, 50])
        const [first, second] = entry.attacks
        const weak = { ...first!, curve: { ...first!.curve!, robust: [8999, 5000, 100] } }
        return { ...entry, attacks: [weak, second!] }
      },
      '/worstCase/curve/robust/0: must be from 3499 to 3500, as the attacks give, got 3300',
    ],
    [
      'with a curve that its suite does not state',
      () => ({ ...withCurves([3300, 3000, 50]), run: honest.run }),
      `/attacks/0/curve/epsilons: must be those of the suite, ${own}`,
    ],
    [
      'without the curve of the worst case',
      () => ({ ...withCurves([3300, 3000, 50]), worstCase: honest.worstCase }),
      '/worstCase/curve: is missing',
    ],
    [
      'whose check passes with a value that fails',
      () => withChecks({ value: 0.9 }, 'losses-agree'),
      '/checks/10: "losses-agree" cannot pass with the value 0.9, threshold 0.1',
    ],
    [
      'whose check has a value, and does not apply',
      () => withChecks({ verdict: 'not-applicable' }, 'losses-agree'),
      '/checks/10/value: "losses-agree" does not apply, so it has no value',
    ],
    [
      'with evidence without end',
      () => withChecks({ evidence: 'x'.repeat(2001) }, 'losses-agree'),
      '/checks/10/evidence: must have at most 2000 characters',
    ],
    [
      'with another version of robench among its packages',
      () => withRun({ packages: [{ ...honest.run.packages[0]!, version: '9.9.9' }] }),
      '/run/packages/0/version: must be run.robenchVersion, 0.1.0; got 9.9.9',
    ],
    [
      'with a package that its suite does not name',
      () => {
        const more = { name: 'official', version: '1.0.0', integrity: hashOf('official') }
        return withRun({ packages: [...honest.run.packages, more] })
      },
      '/run/packages: those of the suite are none, after robench; got official',
    ],
    [
      'with a built-in defense of another package',
      () => ({ ...honest, defense: { ...honest.defense, package: 'robench', options: {} } }),
      '/defense/plugin: "onnx-model" is built in, not of "robench"',
    ],
    [
      'with options of the defense that its suite does not state',
      () => ({
        ...honest,
        defense: { ...honest.defense, options: { ...honest.defense.options, layout: 'NHWC' } },
      }),
      '/defense/options: must be those of the suite, {"bounds":[0,1],',
    ],
    [
      'with words in its time',
      () => withRun({ finishedAt: '2026-01-22 (verified)' }),
      '/run/finishedAt: must be a time such as 2026-01-31T12:00:00.000Z',
    ],
    [
      'with words in its version',
      () => withRun({ robenchVersion: '0.1.0-verified by all' }),
      '/run/robenchVersion: must be a version such as 1.2.3',
    ],
    [
      'of a version before the first',
      () => withRun({ robenchVersion: '0.0.1' }),
      '/run/robenchVersion: must be at least 0.1.0, got 0.0.1',
    ],
    [
      'with words in the facts about its machine',
      () => withRun({ environment: { ...honest.run.environment, node: 'verified' } }),
      '/run/environment/node: is not what robench records, got verified',
    ],
    [
      'without workers',
      () => withRun({ environment: { ...honest.run.environment, workers: -1 } }),
      '/run/environment/workers: must be a whole number from 1, got -1',
    ],
    [
      'with a longer run than there was time',
      () => withAttack(0, { elapsedMs: 1e15 }),
      '/attacks/0/elapsedMs: is longer than since 2025, got 1000000000000000',
    ],
    [
      'with numbers that are not exact',
      () => withAttack(0, { forwardPasses: 2 ** 53 }),
      '/attacks/0/forwardPasses: must be <= 9007199254740991',
    ],
    [
      'without parameters',
      () => ({ ...honest, model: { ...honest.model, parameters: 0 } }),
      'least 1',
    ],
    [
      'whose file would be taken for the record of a check',
      () => ({ ...honest, id: 'honest.check' }),
      '/id: must not end with .check, .examples, or .history',
    ],
    [
      'with pixels in another range, in which ε is smaller',
      () => {
        const threatModel = { ...honest.threatModel, bounds: [0, 255] as const }
        const entry = { ...honest, threatModel }
        return withSuite(entry, {
          dataset: { id: 'cifar10', bounds: [0, 255] },
        })
      },
      '/threatModel/bounds: of "cifar10" must be [0, 1], got [0, 255]',
    ],
    [
      'whose limits, which a file of its own gives, nobody else has',
      () => {
        const { epsilon, ...threatModel } = honest.threatModel
        const entry = { ...honest, threatModel: { ...threatModel, epsilon, given: 'epsilons' } }
        return withSuite(entry as LeaderboardEntry, {
          dataset: { id: 'cifar10', epsilons: 'e.npy' },
          threatModels: [{ norm: 'Linf', given: 'epsilons' }],
        })
      },
      '/threatModel: depends on a file of the submitter, so it is not ranked',
    ],
    [
      'with one hash for two things',
      () => ({ ...honest, evidence: { ...honest.evidence, units: honest.evidence.result } }),
      '/evidence/units: is the hash at /evidence/result',
    ],
    [
      'with a hash of nothing',
      () => ({ ...honest, evidence: { ...honest.evidence, units: '0'.repeat(64) } }),
      '/evidence/units: is not the hash of anything',
    ],
    [
      'with a citation that closes itself, and another one',
      () => ({ ...honest, citation: '@misc{a, title={b}} @misc{c, title={d}}' }),
      '/citation: must be one BibTeX entry',
    ],
    [
      'with a citation that takes in what follows',
      () => ({ ...honest, citation: '@misc{a, title={{b}}' }),
      '/citation: must be one BibTeX entry',
    ],
    [
      'with a link without end',
      () => ({ ...honest, links: { paper: `https://example.org/${'a'.repeat(2000)}` } }),
      '/links/paper: must have at most 2000 characters',
    ],
    [
      'with letters in disguise',
      () => ({ ...honest, title: '\u{1D413}RADES' }),
      '/title: "\u{1D413}" is not the plain form of its letter',
    ],
    [
      'with a word of another alphabet that looks Latin',
      () => ({ ...honest, title: '\u0420\u0410\u0421\u0415 by others' }),
      '/title: "\u0420\u0410\u0421\u0415" looks like Latin letters, but is not',
    ],
  ])('%s', async ([, forged, reason]) => {
    expect(await refusal(await forged())).toContain(reason)
  })
})

describe('a board is refused', () => {
  const rival = { ...honest, id: 'rival', model: { ...honest.model, sha256: hashOf('rival') } }

  test('with the outcomes of one model under another one', async () => {
    expect(await refusal(honest, rival)).toBe(
      '1.json#/attacks: every outcome is that of 0.json, which has another model file; one model ' +
        'has one entry',
    )
  })

  test('with one result of two runs', async () => {
    const other = { ...boardEntry('other', [9100, 5100, 2900]), evidence: honest.evidence }
    expect(await refusal(honest, other)).toBe(
      '1.json#/evidence/result: is that of 0.json, whose run differs',
    )
  })

  test('with one model file of two sizes', async () => {
    const larger = { ...honest, id: 'larger', model: { ...honest.model, bytes: 9_999_999 } }
    expect(await refusal(honest, larger)).toContain(
      '1.json#/model: has the hash of the model of 0.json, but another size',
    )
  })

  test('with an evaluation twice, under other names and dates', async () => {
    const { run } = honest
    const copy = {
      ...honest,
      id: 'copy',
      title: 'Mine',
      run: { ...run, finishedAt: '2026-01-02T00:00:00.000Z' },
      evidence: { ...honest.evidence, result: hashOf('copy') },
    }
    const reason =
      '#/attacks: are those of 0.json, on the same model file with the same outcomes; to replace ' +
      'that entry, add this one under its id with --replace, to confirm it, run robench ' +
      'leaderboard check'
    expect(await refusal(honest, copy)).toBe(`1.json${reason}`)
    // Few other outcomes under the same options and seed, as on another device.
    const near = boardEntry('honest', [9000, 4960, 2960], {}, { id: 'near' })
    expect(await refusal(honest, near)).toBe(`1.json${reason}`)
    const far = boardEntry('honest', [9000, 4960, 2800], {}, { id: 'far' })
    expect(await refusal(honest, far)).toBeUndefined()
  })
})

test('names of people in other alphabets, and the notation of the field, pass', async () => {
  const entry = {
    ...honest,
    title: 'ℓ∞ training, ε² = 8, β′ and Ω',
    authors: ['А. Мадры', 'Ηλίας Ποντίκης', '張偉', 'Ø. Müller'],
    citation: String.raw`@article{a\}, title={{B} and \{C}}`.replace(String.raw`a\}`, 'a'),
  }
  expect(await refusal(entry)).toBeUndefined()
})
