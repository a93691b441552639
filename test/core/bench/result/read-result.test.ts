/** Results are read from a file or a directory, and rejected if schema or accuracies are wrong. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { drawAccuracies } from '../../../../core/bench/metrics/draws.ts'
import { checkResult, readResult } from '../../../../core/bench/result/read-result.ts'
import type { RunResult } from '../../../../core/bench/result/result.ts'
import { makeEntry, makeResult, troubledResult, typicalResult } from '../../../reports/fixture.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'robench-result-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(result: RunResult, ...path: string[]): void {
  mkdirSync(join(folder, ...path), { recursive: true })
  writeFileSync(join(folder, ...path, 'result.json'), JSON.stringify(result))
}

describe('readResult', () => {
  test('accepts the file, its directory, or the parent directory', () => {
    const result = troubledResult()
    write(result, 'quickstart')
    expect(readResult(join(folder, 'quickstart', 'result.json'))).toEqual(result)
    expect(readResult(join(folder, 'quickstart'))).toEqual(result)
    expect(readResult(folder)).toEqual(result)
  })

  test('lists several results, and reports none and a missing path', () => {
    expect(() => readResult(folder)).toThrow('found none; has the run completed?')
    expect(() => readResult(join(folder, 'nothing'))).toThrow('no such file or directory')
    write(typicalResult(), 'a')
    write(typicalResult(), 'b')
    expect(() => readResult(folder)).toThrow(
      /found 2; choose one of .*a.result\.json, .*b.result\.json/,
    )
  })

  test('invalid JSON is reported with its place', () => {
    writeFileSync(join(folder, 'result.json'), '{"schemaVersion": 1,')
    expect(() => readResult(folder)).toThrow(/result\.json:1:\d+: not valid JSON/)
  })
})

describe('checkResult', () => {
  const small = (): RunResult =>
    makeResult([
      makeEntry(
        'a',
        { clean: 8, robust: { fgsm: 5, 'pgd-20': 3 } },
        {
          dataset: {
            id: 'x',
            title: 'X',
            sha256: '0'.repeat(64),
            toy: false,
            examples: 10,
            total: 10,
          },
        },
      ),
    ])
  const changed = (change: object): unknown => {
    const result = small()
    return { ...result, entries: [{ ...result.entries[0], ...change }] }
  }

  test('accuracies of stages are checked, too', () => {
    const [first] = small().entries[0]!.attacks
    const staged = (outcomes: string, robustAccuracy: number): unknown =>
      changed({
        attacks: [{ ...first, stages: [{ name: 'square', outcomes, robustAccuracy }] }],
        worstCaseRobustAccuracy: 0.5,
      })
    if (first?.state !== 'completed') throw new Error('the fixture has changed')
    const earlier = first.outcomes.replace('b', 'r')
    const good = staged(earlier, 0.6)
    expect(checkResult(good, 'r.json')).toEqual(good)
    expect(() => checkResult(staged(earlier, 0.5), 'r.json')).toThrow(
      'r.json#/entries/0/attacks/0/stages/0/robustAccuracy: is 0.5, but the outcomes yield 0.6',
    )
    expect(() => checkResult(staged(earlier.slice(1), 0.6), 'r.json')).toThrow(
      'stages/0/outcomes: expected 10 outcomes',
    )
  })

  test('draws of a stochastic model are checked, too', () => {
    const [first] = small().entries[0]!.attacks
    if (first?.state !== 'completed') throw new Error('the fixture has changed')
    const correct = Array.from(first.outcomes, (outcome) => ({ w: 0, b: 3, r: 9 })[outcome]!)
    const draws = { count: 10, correct }
    const counted = drawAccuracies(first.outcomes, draws)
    const drawn = (change: object): unknown =>
      changed({ attacks: [{ ...first, draws: { ...draws, ...counted, ...change } }], ...worst })
    const worst = { worstCaseRobustAccuracy: first.robustAccuracy }
    expect(checkResult(drawn({}), 'r.json')).toEqual(drawn({}))
    expect(() => checkResult(drawn({ mean: { ...counted.mean, low: 0.9 } }), 'r.json')).toThrow(
      'r.json#/entries/0/attacks/0/draws/mean/low: is 0.9, but the outcomes yield',
    )
    expect(() => checkResult(drawn({ correct: correct.slice(1) }), 'r.json')).toThrow(
      'draws/correct: expected 10 outcomes, one per example, got 9',
    )
  })

  test('accepts the output of a run, and keys of newer versions', () => {
    expect(checkResult({ ...small(), novelty: 1 }, 'r.json')).toMatchObject(small())
  })

  test('a missing key and a wrong version are reported', () => {
    const { suite: _suite, ...rest } = small()
    expect(() => checkResult({ ...rest, schemaVersion: 2 }, 'r.json'))
      .toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: r.json#: missing key "suite"
      r.json#/schemaVersion: must be 1, got 2]
    `)
  })

  test('an accuracy that does not follow from the outcomes is rejected', () => {
    expect(() =>
      checkResult(changed({ cleanAccuracy: 0.9 }), 'r.json'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: r.json#/entries/0/cleanAccuracy: is 0.9, but the outcomes yield 0.8; the file was changed after the run]`,
    )
    expect(() =>
      checkResult(changed({ worstCaseRobustAccuracy: 0.5 }), 'r.json'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: r.json#/entries/0/worstCaseRobustAccuracy: is 0.5, but the outcomes yield 0.3; the file was changed after the run]`,
    )
  })

  test('outcomes that disagree with cleanOutcomes are rejected', () => {
    const [entry] = small().entries
    expect(() =>
      checkResult(changed({ dataset: { ...entry!.dataset, examples: 11 } }), 'r.json'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: r.json#/entries/0/cleanOutcomes: expected 11 outcomes, one per example, got 10]`,
    )
    const cleanOutcomes = entry!.cleanOutcomes.split('').toReversed().join('')
    expect(() =>
      checkResult(changed({ cleanOutcomes }), 'r.json'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: r.json#/entries/0/attacks/0/outcomes: example 1 is "w", but "1" in cleanOutcomes; an example must be "w" if and only if it is "0" in cleanOutcomes]`,
    )
  })
})
