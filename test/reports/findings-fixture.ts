/** Results with stages, curves, and corruptions, with outcomes computed by a rule. */
import {
  cleanAccuracy,
  robustAccuracy,
  worstCaseRobustAccuracy,
} from '../../core/bench/metrics/accuracy.ts'
import { drawAccuracies } from '../../core/bench/metrics/draws.ts'
import { robustnessCurve } from '../../core/bench/metrics/curve.ts'
import type {
  AttackResult,
  CompletedAttack,
  ResultEntry,
  RunResult,
} from '../../core/bench/result/result.ts'
import { benchmarkCorruptions } from '../../core/threat/corruption-ids.ts'
import { complete, makeEntry, makeResult } from './fixture.ts'

const clean = 8000

/** AutoAttack with its four stages, and two examples that only the final prediction finds. */
export function staged(entry: ResultEntry): CompletedAttack {
  const left = [4100, 3980, 3975, 3970]
  const names = ['apgd-ce', 'apgd-t', 'fab-t', 'square']
  const attack = { name: 'autoattack', plugin: 'autoattack', version: 1, options: {} }
  return {
    ...complete(attack, outcomesOf(entry, 3968)),
    stages: names.map((name, place) => {
      const outcomes = outcomesOf(entry, left[place]!)
      return { name, outcomes, robustAccuracy: robustAccuracy(outcomes) }
    }),
  }
}

/** An attack on a stochastic model: of 4,000 robust examples, half are correct in 7 of 10 draws. */
export function stochastic(entry: ResultEntry): CompletedAttack {
  const outcomes = outcomesOf(entry, 4000)
  let robust = 0
  const correct = [...outcomes].map((outcome) => {
    if (outcome === 'r') return robust++ % 2 === 0 ? 10 : 7
    return outcome === 'b' ? 1 : 0
  })
  const draws = { count: 10, correct }
  return {
    ...complete({ name: 'eot', plugin: 'eot', version: 2, options: {} }, outcomes),
    draws: { ...draws, ...drawAccuracies(outcomes, draws) },
  }
}

/**
 * A sweep of pgd and a minimum-norm attack. The k-th of n correct examples breaks at
 * (k/n)² · 16/255, under pgd at the next given epsilon.
 */
export function curved(entry: ResultEntry): CompletedAttack[] {
  const sizes = [1, 2, 4, 8, 12].map((steps) => steps / 255)
  const exact = [...entry.cleanOutcomes].map((outcome, i) => {
    if (outcome === '0') return 0
    const least = (((7919 * i) % clean) / clean) ** 2 * (16 / 255) + 1e-4
    return least <= 12 / 255 ? least : null
  })
  const swept = exact.map((least) =>
    least === null || least === 0 ? least : (sizes.find((size) => 0.8 * least <= size) ?? null),
  )
  const attack = (name: string, breaking: readonly (number | null)[]): CompletedAttack => {
    const outcomes = breaking
      .map((least) => (least === 0 ? 'w' : least !== null && least <= 8 / 255 ? 'b' : 'r'))
      .join('')
    const curve = robustnessCurve(breaking, sizes)
    return { ...complete({ name, plugin: name, version: 1, options: {} }, outcomes), curve }
  }
  return [attack('pgd', swept), attack('fmn', exact)]
}

/**
 * The k-th corruption at severity s leaves 8,000 − 300·s − 100·k examples correct, 200 of which are
 * misclassified in their original form.
 */
export function corruptions(
  entry: ResultEntry,
  names: readonly string[] = benchmarkCorruptions,
): AttackResult[] {
  const wrongFirst = [...entry.cleanOutcomes].map((outcome, i) => ({ outcome, i }))
  const wrong = wrongFirst.filter(({ outcome }) => outcome === '0').map(({ i }) => i)
  return names.flatMap((corruption, k) =>
    [1, 2, 3, 4, 5].map((severity): AttackResult => {
      const attack = {
        name: `noise of the day ${k}/${severity}`,
        plugin: 'corruption',
        version: 1,
        options: { corruption, severity, quantize: true },
      }
      const outcomes = outcomesOf(entry, 7800 - 300 * severity - 100 * k)
      const correct = [...outcomes].map((outcome) => (outcome === 'r' ? '1' : '0'))
      for (const i of wrong.slice(0, 200)) correct[i] = '1'
      const text = correct.join('')
      return {
        ...complete(attack, outcomes),
        corrupted: { correct: text, accuracy: cleanAccuracy(text) },
      }
    }),
  )
}

/** Outcomes in which the first `robust` of the correct examples are robust. */
function outcomesOf({ cleanOutcomes }: ResultEntry, robust: number): string {
  let correct = 0
  return [...cleanOutcomes]
    .map((outcome) => (outcome === '0' ? 'w' : correct++ < robust ? 'r' : 'b'))
    .join('')
}

/** An entry with the attacks that `make` returns. */
export function entryWith(
  make: (entry: ResultEntry) => readonly AttackResult[],
  changes: Partial<ResultEntry> = {},
): ResultEntry {
  const bare = makeEntry('pgd-at', { clean, robust: {} }, changes)
  const attacks = make(bare)
  const worst = worstCaseRobustAccuracy(
    attacks.flatMap((attack) => (attack.state === 'completed' ? [attack.outcomes] : [])),
  )
  const failed = attacks.some(({ state }) => state === 'failed')
  return {
    ...bare,
    attacks,
    rankable: !failed,
    reasons: failed ? ['an attack failed'] : [],
    ...(worst !== undefined && { worstCaseRobustAccuracy: worst }),
  }
}

/** A threat model of each transform kind. */
export const threats = {
  attribute: {
    norm: 'Linf',
    epsilon: 2 / 255,
    bounds: [0, 1],
    transform: { kind: 'attribute', ranges: { scale: [0.9, 1.1], rotation: [-10, 10] } },
  },
  amplitude: {
    norm: 'Linf',
    epsilon: 0,
    bounds: [0, 1],
    transform: { kind: 'amplitude', mix: 0.3, scale: 0.1 },
  },
  corruption: { norm: 'Linf', epsilon: 0, bounds: [0, 1], transform: { kind: 'corruption' } },
} as const satisfies Record<string, ResultEntry['threatModel']>

/** Three sections: stages and curves in a plain ball, attributes, and corruptions. */
export function manifoldResult(): RunResult {
  return makeResult([
    entryWith((entry) => [staged(entry), ...curved(entry)]),
    entryWith((entry) => [staged(entry)], { threatModel: threats.attribute }),
    entryWith((entry) => corruptions(entry), { threatModel: threats.corruption }),
  ])
}
