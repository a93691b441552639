/** Entries come only from rankable results; invalid ones are rejected with the position. */
import { describe, expect, test } from 'vitest'
import { checkEntry, entryLocation } from '../../leaderboard/entry.ts'
import { entryFromResult } from '../../leaderboard/from-result.ts'
import { threatSlug } from '../../core/threat/threat-slug.ts'
import type { ThreatModel } from '../../core/threat/threat-model.ts'
import { hashJson } from '../../core/base/hash.ts'
import { entryCleanOutcomes, entryOutcomes } from '../../leaderboard/entry-outcomes.ts'
import { hashOf, makeEntry, troubledResult, typicalResult } from '../reports/fixture.ts'
import { corruptions, entryWith, threats } from '../reports/findings-fixture.ts'
import { boardEntry, boardResult, entryOf, passed, uncheckedEntry } from './fixture.ts'

describe('entryFromResult', () => {
  test('computes counts from the outcomes and keeps the provenance', () => {
    const result = boardResult(typicalResult().entries)
    const entry = entryFromResult(result, result.entries[1]!, {
      authors: ['A. Madry'],
      venue: 'ICLR',
      year: 2018,
    })
    expect(entry).toMatchObject({
      id: 'pgd-at',
      title: 'pgd-at',
      authors: ['A. Madry'],
      venue: 'ICLR',
      year: 2018,
      architecture: 'resnet',
      dataset: { id: 'cifar10', examples: 10_000 },
      clean: { correct: 6925 },
      attacks: [
        { name: 'fgsm', wrong: 3075, robust: 4488, broken: 2437, brokenAlone: 0 },
        { name: 'autoattack', wrong: 3075, robust: 3961, broken: 2964, brokenAlone: 527 },
      ],
      worstCase: { robust: 3961 },
      evidence: { result: hashJson(result), units: hashOf('units') },
      links: { more: 'https://arxiv.org/abs/1706.06083' },
      run: { robenchVersion: '0.1.0', command: 'npx robench run suites/board.json' },
      training: { epochs: 30 },
    })
    expect(entry.checks).toHaveLength(passed.length)
    expect(JSON.parse(JSON.stringify(entry))).toEqual(entry)
  })

  test('contains the outcome of every example', () => {
    const result = boardResult(typicalResult().entries)
    const outcomes = entryOutcomes(entryFromResult(result, result.entries[1]!))
    const attacks = result.entries[1]!.attacks
    expect(outcomes).toEqual(attacks.map((attack) => 'outcomes' in attack && attack.outcomes))
    expect(entryCleanOutcomes(entryFromResult(result, result.entries[1]!))).toBe(
      result.entries[1]!.cleanOutcomes,
    )
  })

  test('a result without its suite and checksums is rejected', () => {
    const result = typicalResult()
    expect(() => entryFromResult(result, result.entries[0]!)).toThrow(
      'the result does not contain its suite, packages, and checksums; run the suite again',
    )
  })

  test('the worst case counts examples that no attack broke', () => {
    // The two attacks break windows that are shifted by one example.
    expect(boardEntry('weak', [8000, 500, 500]).worstCase.robust).toBe(499)
  })

  test('toy data, a limit, and a failed attack are rejected with all reasons', () => {
    const result = { ...boardResult(typicalResult().entries), entries: troubledResult().entries }
    expect(() => entryFromResult(result, result.entries[1]!)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: entry "slow-defense" on Quickstart shapes cannot be ranked: only 200 of 1,000 examples (--limit); Quickstart shapes is toy data; the attack pgd-20 failed; the leaderboard requires all examples of a real data set and that every attack completed]`,
    )
  })

  test('toy data is rejected even if the result claims to be rankable', () => {
    const [first] = troubledResult().entries
    const lie = { ...first!, rankable: true, reasons: [] }
    expect(() => entryFromResult({ ...boardResult([lie]), entries: [lie] }, lie)).toThrow(
      '"quickstart" is a toy data set',
    )
  })

  test('a link that is not an http URL is rejected', () => {
    const result = boardResult(typicalResult().entries)
    expect(() =>
      entryFromResult(result, result.entries[0]!, { paper: 'javascript:alert(1)' }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: entry "standard"#/links/paper: must be an http or https URL, got "javascript:alert(1)"]`,
    )
  })

  test('an unsafe link of the defense is omitted', () => {
    const [first] = typicalResult().entries
    const entry = { ...first!, defense: { ...first!.defense, link: 'javascript:alert(1)' } }
    expect(entryOf(entry).links).toEqual({})
  })

  test('the id is a slug of the name', () => {
    const odd = makeEntry('  TRADES (β = 6)/v2 ', { clean: 9000, robust: { 'pgd-20': 3000 } })
    expect(uncheckedEntry(odd).id).toBe('trades-6-v2')
  })
})

describe('checkEntry', () => {
  test('an unknown key is named with its position', () => {
    const { worstCase, ...rest } = boardEntry('a', [9000, 5000, 3000])
    expect(() => checkEntry({ ...rest, worstcase: worstCase }, 'a.json'))
      .toThrowErrorMatchingInlineSnapshot(`
        [ConfigError: a.json#: missing key "worstCase"
        a.json#/worstcase: unknown key; did you mean "worstCase"? (accepted: schemaVersion, id, title, authors, venue, year, architecture, extraData, citation, dataset, threatModel, defense, model, clean, attacks, worstCase, checks, evidence, links, run, training)]
      `)
  })

  test('inconsistent counts are rejected', () => {
    const entry = boardEntry('a', [9000, 5000, 3000])
    const attacks = entry.attacks.map((attack) => ({ ...attack, broken: attack.broken + 1 }))
    expect(() =>
      checkEntry({ ...entry, clean: { correct: 10 }, attacks, worstCase: { robust: 4 } }, 'a.json'),
    ).toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: a.json#/attacks/0/broken: must be 4000, as the outcomes give, got 4001
      a.json#/attacks/1/broken: must be 6000, as the outcomes give, got 6001
      a.json#/clean/correct: must be 9000, as the outcomes give, got 10
      a.json#/worstCase/robust: must be 3000, as the outcomes give, got 4]
    `)
  })

  test('an id cannot leave its directory', () => {
    for (const id of ['../x', 'a/b', '.hidden', 'A', '']) {
      expect(() => checkEntry({ ...boardEntry('a', [9000, 5000, 3000]), id }, 'a.json')).toThrow(
        '#/id',
      )
    }
  })
})

describe('a threat model with a transform', () => {
  const entry = entryWith((bare) => corruptions(bare), { threatModel: threats.corruption })
  const corrupted = entryOf(entry)

  test('gives an entry with the accuracies on corrupted images', () => {
    expect(corrupted.attacks).toHaveLength(75)
    expect(corrupted.attacks[0]).toMatchObject({ robust: 7500, corrupted: 7700 })
    expect(corrupted.threatModel).toEqual(threats.corruption)
    expect(checkEntry(JSON.parse(JSON.stringify(corrupted)), 'a.json')).toEqual(corrupted)
  })

  test('impossible accuracies on corrupted images are rejected', () => {
    const [first, ...others] = corrupted.attacks
    const lie = { ...corrupted, attacks: [{ ...first, corrupted: 7 }, ...others] }
    expect(() => checkEntry(lie, 'a.json')).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: a.json#/attacks/0/corrupted: must be 7700, as the outcomes give, got 7]`,
    )
  })

  test('an epsilon of 0 without a transform is rejected', () => {
    const threatModel = { norm: 'Linf', epsilon: 0, bounds: [0, 1] }
    expect(() => checkEntry({ ...corrupted, threatModel }, 'a.json')).toThrow(
      'a.json#/threatModel/epsilon: must be greater than 0 without a transform, got 0',
    )
    const unknown = { ...threatModel, transform: { kind: 'attribute' } }
    expect(() => checkEntry({ ...corrupted, threatModel: unknown }, 'a.json')).toThrow(
      'a.json#/threatModel/transform: must be one of',
    )
  })

  test('has its own directory, independent of the order of the ranges', () => {
    const { attribute, amplitude, corruption } = threats
    const { rotation, scale } = attribute.transform.ranges
    const slugs = [
      { ...attribute, transform: undefined },
      attribute,
      { ...attribute, transform: { kind: 'attribute', ranges: { rotation, scale: [0.8, 1.1] } } },
      { ...attribute, epsilon: 0 },
      amplitude,
      { ...amplitude, epsilon: 2 / 255 },
      { ...amplitude, transform: { ...amplitude.transform, scale: 0.2 } },
      corruption,
    ].map(({ transform, ...ball }) =>
      threatSlug({ ...ball, ...(transform && { transform }) } as ThreatModel),
    )
    expect(new Set(slugs).size).toBe(slugs.length)
    expect(slugs).toMatchInlineSnapshot(`
      [
        "linf-2-255",
        "linf-2-255-attribute-98c36173",
        "linf-2-255-attribute-804d58f1",
        "attribute-98c36173",
        "amplitude-0.3-0.1",
        "linf-2-255-amplitude-0.3-0.1",
        "amplitude-0.3-0.2",
        "corruption",
      ]
    `)
    const same = { kind: 'attribute', ranges: { rotation, scale } } as const
    expect(threatSlug({ ...attribute, transform: same })).toBe(slugs[1])
  })
})

test('the location of an entry is its data set, threat model, and id', () => {
  expect(entryLocation(boardEntry('a', [9000, 5000, 3000]))).toBe('cifar10/linf-8-255/a')
  expect(threatSlug({ norm: 'L2', epsilon: 0.5, bounds: [0, 1] })).toBe('l2-0.5')
})
