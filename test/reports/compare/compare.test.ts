/** Comparisons state what changed and how sure that is; results that differ otherwise are refused. */
import { describe, expect, test } from 'vitest'
import { holmAdjusted } from '../../../core/bench/metrics/holm.ts'
import type { CompletedAttack, RunResult } from '../../../core/bench/result/result.ts'
import { compareResults, isRegression } from '../../../reports/compare/compare.ts'
import { comparisonFormats } from '../../../reports/compare/formats.ts'
import { pngUri } from '../../../reports/compare/pictures.ts'
import { makeEntry, makeResult } from '../fixture.ts'

/** 100 examples: correct ones, and those that fgsm and pgd leave. */
function result(clean: number, fgsm: number, pgd: number, name = 'a'): RunResult {
  const dataset = {
    id: 'x',
    title: 'X',
    sha256: '0'.repeat(64),
    toy: false,
    examples: 100,
    total: 100,
  }
  return makeResult([makeEntry(name, { clean, robust: { fgsm, 'pgd-20': pgd } }, { dataset })])
}

function withAttack(from: RunResult, change: Partial<CompletedAttack['attack']>): RunResult {
  const [entry] = from.entries
  const [first, ...others] = entry!.attacks
  const changed = { ...first!, attack: { ...first!.attack, ...change } }
  return { ...from, entries: [{ ...entry!, attacks: [changed, ...others] }] }
}

describe('compareResults', () => {
  const comparison = compareResults(result(80, 60, 40), result(80, 58, 20))
  const [entry] = comparison.entries
  const measure = (name: string) => entry!.measures.find((one) => one.name === name)!

  test('counts the four kinds of examples', () => {
    // pgd leaves a window that is shifted by one, and the head's is a part of the base's.
    expect(measure('pgd-20').counts).toEqual({ both: 20, onlyA: 0, onlyB: 20, neither: 60 })
    expect(measure('clean').counts).toEqual({ both: 80, onlyA: 0, onlyB: 0, neither: 20 })
    expect(measure('worst case').counts.onlyB).toBe(20)
    expect(measure('pgd-20').newlyBroken).toHaveLength(20)
    expect(measure('pgd-20').newlyHeld).toEqual([])
  })

  test('gives a verdict only with evidence', () => {
    // 20 of 20: p = 2 / 2^20, times 2 attacks. 2 of 2: p = 0.5.
    expect(measure('pgd-20')).toMatchObject({ p: 2 ** -19, adjusted: 2 ** -18, verdict: 'worse' })
    expect(measure('fgsm')).toMatchObject({ p: 0.5, adjusted: 0.5, verdict: 'no evidence' })
    expect(comparison.verdict).toBe('worse')
    expect(compareResults(result(80, 58, 20), result(80, 60, 40)).verdict).toBe('better')
    expect(compareResults(result(80, 60, 40), result(80, 60, 41)).verdict).toBe('no evidence')
  })

  test('a regression is worse by more than the margin', () => {
    expect(isRegression(measure('pgd-20'), 0.005)).toBe(true)
    expect(isRegression(measure('pgd-20'), 0.2)).toBe(false)
    expect(isRegression(measure('fgsm'), 0)).toBe(false)
  })

  test('a single defense may have another name; one of several may be missing', () => {
    expect(compareResults(result(80, 60, 40), result(80, 60, 40, 'b')).entries[0]).toMatchObject({
      defense: 'a',
      headDefense: 'b',
    })
    const two = { ...result(80, 60, 40), entries: [...result(80, 60, 40).entries] }
    two.entries.push(...result(70, 60, 40, 'c').entries)
    expect(compareResults(two, two).entries).toHaveLength(2)
    expect(compareResults(two, result(80, 60, 40)).notes).toContain(
      'Defense "c" is only in the base.',
    )
  })

  const base = result(80, 60, 40)
  test.for<[string, (from: RunResult) => RunResult, string]>([
    [
      'data',
      (from) => ({
        ...from,
        entries: from.entries.map((one) => ({
          ...one,
          dataset: { ...one.dataset, sha256: '1'.repeat(64) },
        })),
      }),
      'data: X (sha256 000000000000…) in the base, X (111111111111…) in the head',
    ],
    [
      'threat models',
      (from) => ({
        ...from,
        entries: from.entries.map((one) => ({
          ...one,
          threatModel: { ...one.threatModel, epsilon: 4 / 255 },
        })),
      }),
      'threat models of "a": L∞ ≤ 8/255 in the base, L∞ ≤ 4/255 in the head',
    ],
    [
      'versions of an attack',
      (from) => withAttack(from, { version: 2 }),
      'attack "fgsm": version 1 of fgsm in the base, 2 in the head',
    ],
    [
      'options of an attack',
      (from) => withAttack(from, { options: { restarts: 3 } }),
      'attack "fgsm": other options (restarts)',
    ],
  ])('other %s are refused and named', ([, change, message]) => {
    expect(() => compareResults(base, change(base))).toThrow(message)
  })
})

test("Holm's procedure adjusts in order and never falls", () => {
  expect(holmAdjusted([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02])
  expect(holmAdjusted([0.9, 0.8])).toEqual([1, 1])
  expect(holmAdjusted([])).toEqual([])
})

describe('formats', () => {
  const comparison = compareResults(result(80, 60, 40), result(80, 58, 20))
  const page = { comparison, margin: 0.005 }

  test('text fits 80 columns', () => {
    const text = comparisonFormats.text.write(page)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(text).toMatch(/pgd-20 +40\.00 +20\.00 +−20\.00 +0 +20 +<0\.0001 +worse/)
    expect(text).toContain('The head is worse. Regressions: a, pgd-20: −20.00')
  })

  test('JSON and JUnit state regressions', () => {
    const { entries } = JSON.parse(comparisonFormats.json.write(page))
    expect(entries[0].measures.map((one: { regression: boolean }) => one.regression)).toEqual([
      false,
      false,
      true,
      true,
    ])
    const junit = comparisonFormats.junit.write(page)
    expect(junit).toContain('tests="4" failures="2"')
    expect(junit).toContain('<testcase classname="a" name="fgsm"/>')
  })

  test('hostile names are escaped', () => {
    const name = '<img src=x onerror="alert(1)">|*'
    const hostile = compareResults(result(80, 60, 40, name), result(80, 58, 20, name))
    for (const id of ['html', 'junit', 'markdown'] as const) {
      const text = comparisonFormats[id].write({ comparison: hostile, margin: 0 })
      expect(text).not.toContain('<img')
    }
  })

  test('HTML shows pictures of newly broken examples', () => {
    const [first] = comparison.entries
    const measure = first!.measures.at(-1)!
    const clean = pngUri(Float32Array.of(0, 0.5, 1, 0.25), [1, 2, 2])
    const pictures = new Map([
      [measure, { broken: [{ example: 7, label: 'cat', clean, head: clean }], held: [] }],
    ])
    const html = comparisonFormats.html.write({ ...page, pictures })
    expect(html).toContain('alt="example 7, cat, clean"')
    expect(html).toContain('adversarial for the head')
    expect(html).not.toContain('adversarial for the base')
    expect(clean).toMatch(/^data:image\/png;base64,iVBORw0KGgo/)
  })
})
