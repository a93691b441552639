/** Entries without the reference attacks supplement another entry of their model, or are refused. */
import { describe, expect, test } from 'vitest'
import { compileSchema } from '../../core/base/schema.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { renderWholeSite } from '../../leaderboard/build.ts'
import type { WholeSite } from '../../leaderboard/build.ts'
import { entryLocation } from '../../leaderboard/entry.ts'
import { apiSchema } from '../../leaderboard/pages/api.ts'
import { rankTables } from '../../leaderboard/ranking.ts'
import type { RankedModel } from '../../leaderboard/ranking.ts'
import { hashOf, makeEntry } from '../reports/fixture.ts'
import { boardEntry, entryOf } from './fixture.ts'
import { refusal, withSuite } from './refusal.ts'

const whole = boardEntry('mine', [9000, 5000, 3000], {}, { title: 'Mine' })

/** FGSM alone on the model of `whole`: it leaves the first 2,000 places. */
function further(clean = 9000): LeaderboardEntry {
  const made = makeEntry('mine', { clean, robust: { fgsm: 2000, 'pgd-20': 0 } })
  const extras = { id: 'further', title: 'Further', authors: ['B. Reaker'] }
  return entryOf({ ...made, attacks: made.attacks.slice(0, 1) }, extras)
}

const supplement = further()
const reason = /^0\.json#\/attacks: must contain autoattack, or apgd-ce \+ apgd-t \+ square/

describe('an entry without the reference attacks', () => {
  test('is taken beside an entry of its model that has them, in any order', async () => {
    expect(await refusal(whole, supplement)).toBeUndefined()
    expect(await refusal(supplement, whole)).toBeUndefined()
  })

  test('is refused alone, and beside supplements only', async () => {
    expect(await refusal(supplement)).toMatchInlineSnapshot(
      `"0.json#/attacks: must contain autoattack, or apgd-ce + apgd-t + square, with default or larger budgets, or supplement an entry that does; there is none of the same model file, data, and threat model. Add these attacks to the suite and run it again, or add the entry that it supplements first"`,
    )
    expect(await refusal(supplement, { ...supplement, id: 'other' })).toMatch(reason)
  })

  test('is refused beside an entry of another model, data set, or threat model', async () => {
    const data = { ...makeEntry('mine', { clean: 1, robust: {} }).dataset, id: 'fashion-mnist' }
    for (const other of [
      boardEntry('theirs', [9000, 5000, 3000]),
      boardEntry('mine', [9000, 5000, 3000], { dataset: data }),
      boardEntry('mine', [9000, 5000, 3000], {
        threatModel: { norm: 'Linf', epsilon: 4 / 255, bounds: [0, 1] },
      }),
    ]) {
      expect(await refusal(supplement, other)).toMatch(reason)
    }
  })

  test('is refused if it is another classifier without attack', async () => {
    expect(await refusal(whole, further(8901))).toBeUndefined()
    expect(await refusal(whole, further(8899))).toBe(
      '1.json#/clean: has the model file of 0.json, but without attack 101 of 10000 examples have ' +
        'another outcome; one of them was run with other options, such as another ' +
        'normalization; remove it',
    )
  })

  test('is refused for all other reasons, too', async () => {
    const checks = supplement.checks.slice(1)
    expect(await refusal(whole, { ...supplement, checks })).toMatch(/^1\.json#\/checks: .* missing/)
    expect(await refusal(whole, { ...supplement, worstCase: { robust: 1 } })).toBe(
      '1.json#/worstCase/robust: must be 2000, as the outcomes give, got 1',
    )
  })

  test('is refused if it claims a reference attack that it does not have', async () => {
    const [attack] = supplement.attacks
    const { options } = whole.attacks[1]!
    const claims: [object, string][] = [
      [{ name: 'autoattack' }, '/attacks/0/name: "autoattack" is the name of another attack'],
      [
        { plugin: 'autoattack', package: 'own' },
        '/attacks/0/plugin: "autoattack" is built in, not of "own"',
      ],
      [
        { name: 'autoattack', plugin: 'autoattack', options, version: 4 },
        '/attacks/0/forwardPasses: "autoattack" takes ',
      ],
    ]
    for (const [claim, expected] of claims) {
      const forged = { ...supplement, attacks: [{ ...attack!, ...claim }] }
      const { name, plugin, options: stated } = forged.attacks[0]!
      const suite = { attacks: [{ name, plugin, options: stated }] }
      expect(await refusal(whole, withSuite(forged, suite))).toContain(expected)
    }
  })

  test('is a supplement, too, if its reference attack is weaker than the default', async () => {
    const options = { version: 'custom', attacks: ['square'], queries: 10 }
    const other = boardEntry('mine', [9000, 5000, 3200], {}, { id: 'weak' })
    const [attack, reference] = other.attacks
    const evidence = { ...other.evidence, result: hashOf('weak') }
    const passes = { forwardPasses: 60_000, backwardPasses: 0 }
    const weak = withSuite(
      { ...other, evidence, attacks: [attack!, { ...reference!, options, ...passes }] },
      { attacks: [{ plugin: 'fgsm' }, { plugin: 'autoattack', options }] },
    )
    expect(await refusal(weak)).toMatch(reason)
    expect(await refusal(weak, whole)).toBeUndefined()
  })
})

/** The row of the model. */
function rowOf(entries: readonly LeaderboardEntry[], checked: readonly string[]): RankedModel {
  const [table, ...others] = rankTables(entries, {
    checked: new Set(checked.map((id) => `cifar10/linf-8-255/${id}`)),
    supplements: new Set([entryLocation(supplement)]),
  })
  expect(others).toEqual([])
  expect(table!.attacks).toEqual(['autoattack'])
  expect(table!.rows).toHaveLength(1)
  return table!.rows[0]!
}

describe('a supplement on the board', () => {
  // AutoAttack leaves the places 1 to 3000, FGSM 0 to 1999.
  const both = 1999
  const earlier = { ...supplement, run: { ...supplement.run, finishedAt: '2026-01-01T00:00:00Z' } }

  test.for<[readonly string[], number, string]>([
    [[], both, 'self-reported'],
    [['further'], both, 'self-reported'],
    [['mine'], 3000, 'checked'],
    [['mine', 'further'], both, 'checked'],
  ])('with %j checked: best known %i', ([checked, bestKnown, evidence]) => {
    const row = rowOf([earlier, whole], checked)
    expect(row.entry.id).toBe('mine')
    expect(row.supplementTo).toBeUndefined()
    expect(row.modelEvidence).toBe(evidence)
    expect(row.bestKnown.count).toBe(bestKnown)
    expect(row.members.map(({ entry, supplementTo }) => [entry.id, supplementTo?.id])).toEqual([
      ['mine', undefined],
      ['further', 'mine'],
    ])
  })

  test('counts in no column, whatever its attacks are', () => {
    const attacks = supplement.attacks.map((attack) => ({ ...attack, plugin: 'autoattack' }))
    const square = supplement.attacks.map((attack) => ({ ...attack, plugin: 'square' }))
    const forged = { ...supplement, attacks: [...attacks, ...square] }
    const row = rowOf([whole, forged], ['mine', 'further'])
    expect(row.columns.map((column) => column?.count)).toEqual([3000])
    expect(row.reference?.count).toBe(3000)
    expect(row.bestKnown.count).toBe(both)
  })

  test('has passes in the row as soon as it counts', () => {
    const spent = (entry: LeaderboardEntry): number =>
      entry.attacks.reduce((sum, one) => sum + one.forwardPasses + one.backwardPasses, 0)
    expect(rowOf([whole, supplement], ['mine']).passes).toBe(spent(whole))
    expect(rowOf([whole, supplement], []).passes).toBe(spent(whole) + spent(supplement))
  })
})

describe('the site with a supplement', () => {
  const page = (site: WholeSite, path: string): string => String(site.get(path))
  const place = 'cifar10/linf-8-255'
  let site: WholeSite

  test('is made of an entry and its supplement', async () => {
    site = await renderWholeSite([{ entry: supplement }, { entry: whole }])
    const index = page(site, 'index.html')
    expect(index.match(/<tr role="row"><td/g)).toHaveLength(1)
    expect(index).toContain(`<a href="entries/${place}/further.html">further attacks: Further</a>`)
    expect(index).toContain('1 model of 2 entries')
  })

  test('shows further attacks on the page of the entry', () => {
    const own = page(site, `entries/${place}/mine.html`)
    const section = own.slice(own.indexOf('id="further-title"'))
    expect(section).toMatch(/<a href="further\.html">Further<\/a>/)
    expect(section).toContain('<td>B. Reaker</td>')
    expect(own).not.toContain('Supplement to')
  })

  test('says on the page of the supplement what it is', () => {
    const own = page(site, `entries/${place}/further.html`)
    expect(own).toContain('Supplement to <a href="mine.html">Mine</a>')
    expect(own).toContain('<h2>These attacks</h2>')
    expect(own).not.toContain('id="further-title"')
    expect(own).not.toContain('20.00\u00A0% worst case')
    expect(page(site, `files/${place}/further/badge.svg`)).toContain('best known robust accuracy')
    expect(page(site, 'feed.xml')).toContain('Further attacks on Mine, best known accuracy 19.99 %')
    // A weak figure is none of the defense.
    expect(page(site, 'defenses/onnx-model.html')).not.toContain('further.html')
    expect(page(site, 'attacks/fgsm.html')).toContain('further.html')
  })

  test('says so in the interface for programs', () => {
    const entryOfApi = (id: string): unknown =>
      JSON.parse(page(site, `api/v1/entries/${place}/${id}.json`))
    expect(entryOfApi('further')).toMatchObject({ supplementTo: `${place}/mine` })
    expect(entryOfApi('mine')).not.toHaveProperty('supplementTo')
    const all: unknown = JSON.parse(page(site, 'api/v1/all.json'))
    expect(compileSchema(apiSchema)(all).problems).toEqual([])
  })
})
