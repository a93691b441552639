import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../../../core/base/paths.ts'
import { parseJsonText } from '../../../../core/base/json-file.ts'
import { checkSuite, loadSuite } from '../../../../core/bench/suite/load.ts'
import { suiteThreatModel } from '../../../../core/bench/suite/suite-threat.ts'

const minimal = {
  id: 'mini',
  title: 'Mini',
  dataset: { id: 'quickstart' },
  threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
  defenses: [{ name: 'd', plugin: 'standard' }],
  attacks: [{ plugin: 'fgsm' }],
}
const shipped = readdirSync(join(packageRoot(), 'suites')).filter((name) => name.endsWith('.json'))

test.for(shipped)(
  'the shipped suite %s is valid and found by its path and by its bare name',
  (name) => {
    const byPath = loadSuite(`suites/${name}`)
    const byName = loadSuite(name.replace('.json', ''))
    expect(byName.sha256).toBe(byPath.sha256)
    expect(byPath.suite.id).toBe(name.replace('.json', ''))
  },
)

test('defaults are filled in', () => {
  const { suite } = checkSuite(minimal, 's.json', '.')
  expect(suite).toMatchObject({ seeds: [0], batchSize: 64, timeLimitMs: 3_600_000 })
  expect(suite.defenses[0]!.seed).toBe(0)
})

test('a fraction is parsed as a number', () => {
  const { suite } = checkSuite(minimal, 's.json', '.')
  expect(suiteThreatModel(suite, 0, 's.json')).toEqual({ norm: 'Linf', epsilon: 8 / 255 })
})

describe('in L0', () => {
  const l0 = (more: object): (() => unknown) => {
    const threatModels = [{ norm: 'L0', epsilon: 10, ...more }]
    return () => checkSuite({ ...minimal, threatModels }, 's.json', '.')
  }

  test('epsilon is a number of pixels', () => {
    expect(l0({ curve: [1, '5'] })).not.toThrow()
  })

  test.each([
    [{ epsilon: '8/255' }, 'epsilon: expected a whole number of pixels in L0, got 8/255'],
    [{ curve: [1, 2.5] }, 'epsilon: expected a whole number of pixels in L0, got 2.5'],
    [
      { transform: { kind: 'corruption' } },
      'transform: expected none in L0: a transform changes every pixel',
    ],
  ])('%j is rejected', (more, message) => {
    expect(l0(more)).toThrow(`s.json#/threatModels/0/${message}`)
  })
})

test('only keys that may change an outcome change the hash', () => {
  const { sha256 } = checkSuite(minimal, 's.json', '.')
  const hash = (more: object): string => checkSuite({ ...minimal, ...more }, 's.json', '.').sha256
  expect(hash({ batchSize: 7, timeLimitMs: 5, $schema: 'x' })).toBe(sha256)
  expect(hash({ seeds: [0] })).toBe(sha256)
  expect(hash({ limit: 5 })).not.toBe(sha256)
  expect(hash({ seeds: [1] })).not.toBe(sha256)
})

test('every mistake is reported, one per line', () => {
  const wrong = { ...minimal, id: 'Not OK', attacks: [], seeds: [1.5], defences: [] }
  expect(() => checkSuite(wrong, 's.json', '.')).toThrowErrorMatchingInlineSnapshot(`
    [ConfigError: s.json#/defences: unknown key; did you mean "defenses"? (accepted: id, title, description, plugins, dataset, limit, sample, threatModels, defenses, attacks, checks, draws, seeds, batchSize, timeLimitMs, stallLimitMs, memoryLimitMb)
    s.json#/id: must be lowercase letters and digits, joined by ".", "_" or "-", got "Not OK"
    s.json#/attacks: must have at least 1 item, got 0
    s.json#/seeds/0: must be an integer, got 1.5]
  `)
})

test('a suite that is not an object', () => {
  expect(() => checkSuite([], 's.json', '.')).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: s.json#: must be an object, got []]`,
  )
})

test('an unknown suite', () => {
  expect(() => loadSuite('suites/cifar100.json')).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: suites/cifar100.json: no such suite; did you mean "cifar10"? (shipped: cifar10, cifar10-adaptive, cifar10-amplitude, cifar10-corruptions, cifar10-frequency, cifar10-semantic, fashion-mnist, fashion-mnist-amplitude, fashion-mnist-corruptions, fashion-mnist-frequency, fashion-mnist-semantic, quickstart, svhn, svhn-amplitude, svhn-corruptions, svhn-frequency, svhn-semantic; or pass the path of a .json or .yaml file)]`,
  )
})

test.for([
  ['{"a": 1,}', 'a trailing comma'],
  ['{"a": 1 "b"}', 'a missing comma'],
  ['{\n  a: 1\n}', 'a bare key'],
  ['[1, 2', 'an end too soon'],
  ['{} {}', 'more after the end'],
  ['// note\n{}', 'a comment'],
  ['', 'nothing'],
])('invalid JSON: %s', ([text]) => {
  expect(() => parseJsonText(text!, 'f.json')).toThrowErrorMatchingSnapshot()
})

test('a model in place of a suite names the command for models', () => {
  expect(() => loadSuite('model.onnx')).toThrow(
    'model.onnx: expected a suite, got a model; attack one model with `robench eval model.onnx`',
  )
})

describe('what is too large, blank, or repeated is refused', () => {
  const refusal = (more: object): (() => unknown) => {
    return () => checkSuite({ ...minimal, ...more }, 's.json', '.')
  }
  const [threat] = minimal.threatModels
  const values = (length: number): number[] => Array.from({ length }, (_, i) => i + 1)
  const named = (length: number): object[] =>
    values(length).map((i) => ({ name: `d${i}`, plugin: 'standard' }))

  test.each([
    [
      { title: '\u200b\u202e\ufeff' },
      's.json#/title: must be a text that is not blank, got "\u200b\u202e\ufeff"',
    ],
    [{ title: ' \t' }, 's.json#/title: must be a text that is not blank, got " \\t"'],
    [{ title: 'x'.repeat(301) }, 's.json#/title: must NOT have more than 300 characters'],
    [
      { threatModels: [threat, { norm: 'Linf', epsilon: 8 / 255, curve: [0.1] }] },
      's.json#/threatModels/1: is the same as /threatModels/0; leave one out',
    ],
    [
      { defenses: [{ name: 'd', plugin: 'standard', role: 'surrogate' }] },
      's.json#/defenses: all are surrogates, so there is nothing to evaluate',
    ],
    [
      { attacks: [{ plugin: 'pgd', matrix: { a: values(200), b: values(200) } }] },
      's.json#/attacks: expected at most 10000 attacks, all combinations of matrices counted, got ' +
        '40000',
    ],
    [
      { defenses: named(51), attacks: [{ plugin: 'pgd', matrix: { a: values(1000) } }] },
      's.json: expected at most 50000 cells, got 51000: 51 defenses × 1 threat models × 1000 attacks',
    ],
    [
      { threatModels: [{ ...threat, curve: values(1001) }] },
      's.json#/threatModels/0/curve: must NOT have more than 1000 items',
    ],
    [{ seeds: values(1001) }, 's.json#/seeds: must NOT have more than 1000 items'],
    [
      { attacks: [{ plugin: 'pgd', name: 'a'.repeat(101) }] },
      's.json#/attacks/0/name: must NOT have more than 100 characters',
    ],
    [
      { attacks: [{ plugin: 'pgd', matrix: { a: ['x'.repeat(200)] } }] },
      `s.json#/attacks/0: the name "pgd-${'x'.repeat(36)}…" has 204 characters, expected at most 180`,
    ],
  ])('%.60j', (more, message) => {
    expect(refusal(more)).toThrow(message)
  })

  test('a message lists the first 20 mistakes', () => {
    const keys = Object.fromEntries(values(10_000).map((i) => [`key${i}`, 1]))
    const lines = String(errorOf(refusal(keys))).split('\n')
    expect(lines).toHaveLength(21)
    expect(lines.at(-1)).toBe('and 20 more')
  })
})

function errorOf(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}
