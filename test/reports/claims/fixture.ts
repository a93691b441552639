/** Results with chosen outcomes, for the tests of claims. */
import { robustAccuracy, worstCaseRobustAccuracy } from '../../../core/bench/metrics/accuracy.ts'
import type {
  CompletedAttack,
  DefenseIdentity,
  ResultEntry,
  RunResult,
} from '../../../core/bench/result/result.ts'
import { complete, hashOf, makeResult } from '../fixture.ts'

/** Robust examples of 100, all of which are correct: `robust` from `from` on, the others broken. */
export function window(robust: number, from = 0): string {
  return Array.from({ length: 100 }, (_, i) => (i >= from && i < from + robust ? 'r' : 'b')).join(
    '',
  )
}

/** A completed attack of that plugin. */
export function attackOf(
  plugin: string,
  outcomes: string,
  options: Readonly<Record<string, unknown>> = {},
  stages: Readonly<Record<string, string>> = {},
): CompletedAttack {
  const named = Object.entries(stages).map(([name, after]) => ({
    name,
    outcomes: after,
    robustAccuracy: robustAccuracy(after),
  }))
  return {
    ...complete({ name: plugin, plugin, version: 1, options }, outcomes),
    ...(named.length > 0 && { stages: named }),
  }
}

/** The network of both rows of a comparison. */
export const network = { id: 'small-cnn', options: {} }
/** Options of a full DAT. */
export const datOptions = {
  network,
  recombination: 'generator',
  omega: 2,
  mix: 'uniform',
  splitNormalization: true,
  adversaries: 'dual',
  weightPerturbation: 0,
}
/** Options of `pgd-at`. */
export const atOptions = { network, weightPerturbation: 0 }
/** PGD with 20 steps that leaves these examples. */
export const pgd20 = (outcomes: string): CompletedAttack => attackOf('pgd', outcomes, { steps: 20 })

/** An entry whose 100 examples are all correct without attack. */
export function entryOf(
  defense: Pick<DefenseIdentity, 'plugin' | 'options'> & {
    readonly name?: string
    readonly training?: DefenseIdentity['training']
  },
  attacks: readonly CompletedAttack[],
  changes: Partial<ResultEntry> = {},
): ResultEntry {
  const { plugin, options, training, name = plugin } = defense
  return {
    defense: {
      name,
      plugin,
      version: 1,
      options,
      model: { sha256: hashOf(name), bytes: 1000, parameters: 100 },
      ...(training && { training }),
    },
    dataset: {
      id: 'cifar10',
      title: 'CIFAR-10',
      sha256: hashOf('cifar10'),
      toy: false,
      examples: 100,
      total: 10_000,
    },
    threatModel: { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] },
    cleanOutcomes: '1'.repeat(100),
    cleanAccuracy: 1,
    attacks,
    worstCaseRobustAccuracy: worstCaseRobustAccuracy(attacks.map(({ outcomes }) => outcomes))!,
    rankable: false,
    reasons: ['only the first 100 of 10000 examples were used'],
    ...changes,
  }
}

/** A result with these entries; the tests of the command check it as a file. */
export function resultOf(...entries: readonly ResultEntry[]): RunResult {
  return makeResult(entries)
}
