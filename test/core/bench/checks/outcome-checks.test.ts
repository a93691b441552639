/** The outcome checks, each on outcomes that raise it and on outcomes that do not. */
import { describe, expect, test } from 'vitest'
import { overallVerdict } from '../../../../core/bench/checks/check.ts'
import type { Check } from '../../../../core/bench/checks/check.ts'
import { outcomeChecks, checkOutcomes } from '../../../../core/bench/checks/outcome-checks.ts'
import type {
  AttackFacts,
  CheckedAttack,
  CheckedEntry,
} from '../../../../core/bench/checks/outcome-check.ts'
import type { ErrorCode } from '../../../../core/base/errors.ts'

const examples = 1000

/** 100 misclassified, the given number robust, the others broken. */
const outcomes = (robust: number): string =>
  'w'.repeat(100) + 'r'.repeat(robust) + 'b'.repeat(examples - 100 - robust)

function attack(
  plugin: string,
  robust: number,
  changes: Partial<CheckedAttack> & { options?: CheckedAttack['attack']['options'] } = {},
): CheckedAttack {
  const { options = {}, ...others } = changes
  const identity = { name: `my ${plugin}`, plugin, options }
  return { state: 'completed', attack: identity, outcomes: outcomes(robust), ...others }
}

function failed(plugin: string, code: ErrorCode): CheckedEntry['attacks'][number] {
  const identity = { name: `my ${plugin}`, plugin, options: {} }
  return { state: 'failed', attack: identity, error: { code, name: 'Error', message: 'failed' } }
}

function entry(
  attacks: CheckedEntry['attacks'],
  threatModel: Partial<CheckedEntry['threatModel']> = {},
): CheckedEntry {
  return {
    defense: { model: { sha256: 'a' } },
    dataset: { sha256: 'b', examples },
    threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1], ...threatModel },
    attacks,
  }
}

const facts: Readonly<Record<string, AttackFacts>> = {
  fgsm: { knowledge: 'white-box' },
  pgd: { knowledge: 'white-box', statesSteps: true },
  autoattack: { knowledge: 'white-box' },
  'apgd-ce': { knowledge: 'white-box' },
  square: { knowledge: 'black-box' },
  'high-pass': { knowledge: 'white-box', restricted: true },
  transfer: { knowledge: 'white-box', surrogates: true },
}

function check(id: string, own: CheckedEntry, ...others: CheckedEntry[]): Check {
  const entries = [own, ...others]
  const checks = checkOutcomes({ entry: own, entries, factsOf: (plugin) => facts[plugin] })
  return checks.find((found) => found.id === id)!
}

/** An attack with a number of steps of a size. */
const steps = (plugin: string, count: number, stepSize: number): CheckedAttack =>
  attack(plugin, 300, { options: { steps: count, stepSize } })

const doubtful = (own: CheckedEntry, ...doubts: string[]): CheckedEntry => ({
  ...own,
  dataset: { ...own.dataset, doubts },
})

const stage = (name: string, robust: number) => ({ name, outcomes: outcomes(robust) })

describe.each<[string, Check['verdict'], CheckedEntry, ...CheckedEntry[]]>([
  ['white-box-run', 'pass', entry([attack('pgd', 300)])],
  ['settings-plausible', 'pass', entry([attack('pgd', 300)])],
  ['settings-plausible', 'warn', entry([attack('pgd', 300)], { epsilon: 3e-4 })],
  ['settings-plausible', 'pass', entry([attack('pgd', 300)], { epsilon: 4e-4 })],
  ['settings-plausible', 'pass', entry([attack('pgd', 300)], { epsilon: 3e-4, given: 'box' })],
  ['settings-plausible', 'pass', entry([steps('pgd', 10, 0.01)])],
  ['settings-plausible', 'warn', entry([steps('pgd', 9, 0.01)])],
  ['settings-plausible', 'pass', entry([steps('pgd', 1, 0.2)])],
  ['settings-plausible', 'warn', entry([steps('pgd', 1, 0.21)])],
  // Its step size is in other units.
  ['settings-plausible', 'pass', entry([steps('square', 1, 0.21)])],
  // Relative to half a side of the box.
  ['settings-plausible', 'warn', entry([steps('pgd', 10, 0.01)], { given: 'box' })],
  ['settings-plausible', 'pass', entry([steps('pgd', 10, 0.1)], { given: 'box' })],
  ['settings-plausible', 'warn', doubtful(entry([attack('pgd', 300)]), 'the images look odd')],
  ['white-box-run', 'warn', entry([attack('square', 300), attack('transfer', 400)])],
  ['white-box-run', 'warn', entry([attack('high-pass', 300), attack('fgsm', 400)])],
  ['white-box-run', 'pass', entry([attack('high-pass', 300), attack('pgd', 400)])],
  ['white-box-run', 'not-applicable', entry([])],
  [
    'black-box-weaker',
    'not-applicable',
    entry([attack('high-pass', 800), attack('fgsm', 700), attack('square', 200)]),
  ],
  [
    'black-box-weaker',
    'fail',
    entry([attack('high-pass', 800), attack('pgd', 700), attack('square', 200)]),
  ],
  ['transfer-weaker', 'not-applicable', entry([attack('high-pass', 800), attack('transfer', 200)])],
  ['iterations-help', 'not-applicable', entry([attack('high-pass', 800), attack('fgsm', 200)])],
  ['black-box-weaker', 'pass', entry([attack('pgd', 300), attack('square', 299)])],
  ['black-box-weaker', 'fail', entry([attack('pgd', 300), attack('square', 297)])],
  ['black-box-weaker', 'not-applicable', entry([attack('pgd', 300), attack('transfer', 200)])],
  [
    'black-box-weaker',
    'fail',
    entry([attack('autoattack', 290, { stages: [stage('apgd-ce', 300), stage('square', 290)] })]),
  ],
  [
    'black-box-weaker',
    'pass',
    entry([attack('autoattack', 299, { stages: [stage('apgd-ce', 300), stage('square', 299)] })]),
  ],
  ['transfer-weaker', 'pass', entry([attack('pgd', 300), attack('transfer', 700)])],
  ['transfer-weaker', 'fail', entry([attack('pgd', 300), attack('transfer', 200)])],
  ['transfer-weaker', 'not-applicable', entry([attack('transfer', 200)])],
  ['iterations-help', 'pass', entry([attack('fgsm', 500), attack('pgd', 300)])],
  ['iterations-help', 'fail', entry([attack('fgsm', 290), attack('pgd', 300)])],
  ['iterations-help', 'not-applicable', entry([attack('pgd', 300, { options: { steps: 1 } })])],
  [
    'epsilon-ordered',
    'pass',
    entry([attack('pgd', 300)]),
    entry([attack('pgd', 400)], { epsilon: 0.05 }),
  ],
  [
    'epsilon-ordered',
    'fail',
    entry([attack('pgd', 300)]),
    entry([attack('pgd', 290)], { epsilon: 0.05 }),
  ],
  [
    'epsilon-ordered',
    'not-applicable',
    entry([attack('pgd', 300)]),
    entry([attack('pgd', 290)], { epsilon: 0.05, norm: 'L2' }),
    entry([attack('pgd', 290)], { epsilon: 0.2 }),
    entry([attack('fgsm', 290)], { epsilon: 0.05 }),
  ],
  ['attacks-agree', 'pass', entry([attack('pgd', 300), attack('autoattack', 210)])],
  ['attacks-agree', 'warn', entry([attack('pgd', 300), attack('autoattack', 190)])],
  ['attacks-agree', 'not-applicable', entry([attack('pgd', 300)])],
  ['no-silent-success', 'pass', entry([attack('pgd', 300, { silentSuccesses: 0 })])],
  ['no-silent-success', 'warn', entry([attack('pgd', 300, { silentSuccesses: 9 })])],
  ['no-silent-success', 'fail', entry([attack('pgd', 300, { silentSuccesses: 10 })])],
  ['no-silent-success', 'not-applicable', entry([attack('pgd', 300)])],
  ['answers-keep-rules', 'pass', entry([attack('pgd', 300), failed('fgsm', 'ROBENCH_TIMEOUT')])],
  [
    'answers-keep-rules',
    'fail',
    entry([attack('pgd', 300), failed('fgsm', 'ROBENCH_PLUGIN_ANSWER')]),
  ],
])('%s', (id, verdict, ...entries) => {
  test(`${verdict}: ${entries[0].attacks.map((found) => found.attack.name).join(', ')}`, () => {
    expect(check(id, ...entries).verdict).toBe(verdict)
  })
})

test('the evidence contains the numbers', () => {
  const own = entry([attack('pgd', 300), attack('square', 250)])
  expect(check('black-box-weaker', own)).toEqual({
    id: 'black-box-weaker',
    title: 'Black-box attacks are weaker',
    verdict: 'fail',
    value: expect.closeTo(0.05, 9) as number,
    threshold: 0.002,
    evidence: 'my square (black-box) leaves 25.00 %, my pgd (white-box) 30.00 %',
  })
})

test('an attack of an unknown plugin is ignored', () => {
  expect(check('black-box-weaker', entry([attack('pgd', 300), attack('acme/x', 0)])).verdict).toBe(
    'not-applicable',
  )
})

test('nothing applies to corruptions', () => {
  const own = entry([attack('pgd', 300)], { transform: { kind: 'corruption' } })
  const checks = checkOutcomes({ entry: own, entries: [own], factsOf: (id) => facts[id] })
  expect(checks).toHaveLength(outcomeChecks.length)
  expect(overallVerdict(checks)).toBe('not-applicable')
})

test('the overall verdict is the worst one', () => {
  const verdicts = (...all: Check['verdict'][]) =>
    overallVerdict(all.map((verdict) => ({ verdict })))
  expect(verdicts('pass', 'warn', 'fail')).toBe('fail')
  expect(verdicts('not-applicable', 'warn', 'pass')).toBe('warn')
  expect(verdicts('not-applicable', 'pass')).toBe('pass')
  expect(verdicts()).toBe('not-applicable')
})

describe('clean-accuracy', () => {
  const card = {
    data: 'cifar10',
    epochs: [{ validationAccuracy: 0.3 }, { validationAccuracy: 0.9 }],
  }
  function cleanCheck(correct: number, total = 1000, classes = 10, training?: object): Check {
    const own = {
      ...entry([]),
      dataset: { id: 'cifar10', sha256: 'b', examples: total },
      defense: { model: { sha256: 'a' }, ...(training && { training: { ...training } }) },
      cleanOutcomes: '1'.repeat(correct) + '0'.repeat(total - correct),
    }
    const checks = checkOutcomes({ entry: own, entries: [own], classes, factsOf: () => undefined })
    return checks.find(({ id }) => id === 'clean-accuracy')!
  }

  test.each<[number, number, number, object | undefined, Check['verdict']]>([
    [0, 1000, 10, undefined, 'fail'],
    // 124 is the least number with P(X ≥ 124) < 0.01 for X ~ Binomial(1000, 0.1).
    [124, 1000, 10, undefined, 'pass'],
    [123, 1000, 10, undefined, 'fail'],
    [400, 1000, 10, undefined, 'pass'],
    [500, 1000, 2, undefined, 'fail'],
    [600, 1000, 2, undefined, 'pass'],
    // Too few examples to tell.
    [0, 4, 10, undefined, 'pass'],
    [0, 12, 10, undefined, 'fail'],
    [2, 1000, 1000, undefined, 'fail'],
    [300, 1000, 1000, undefined, 'pass'],
    [780, 1000, 10, card, 'warn'],
    [810, 1000, 10, card, 'pass'],
    [7, 10, 10, card, 'pass'],
    [780, 1000, 10, { ...card, data: 'svhn' }, 'pass'],
  ])('%d of %d examples, %d classes, card %j: %s', (correct, total, classes, training, verdict) => {
    expect(cleanCheck(correct, total, classes, training).verdict).toBe(verdict)
  })

  test('the evidence names chance, or the card', () => {
    expect(cleanCheck(98).evidence).toBe(
      '98 of 1,000 examples are classified correctly, 9.8 %; chance is 10.0 %. ' +
        'Suspects: normalization, range, layout, order of the classes, output',
    )
    expect(cleanCheck(780, 1000, 10, card).evidence).toBe(
      "the accuracy is 78.0 % on 1000 examples; the model's card says 90.0 %",
    )
  })
})

test('white-box attacks that are all weak are named', () => {
  const own = entry([attack('high-pass', 800), attack('fgsm', 700), attack('square', 200)])
  const named =
    'every white-box attack of the run is weak: my high-pass searches only a part of the ball, ' +
    'my fgsm takes one step'
  expect(check('white-box-run', own).evidence).toBe(named)
  expect(check('black-box-weaker', own).evidence).toBe(named)
})
