/** Ranks by paired tests: exact McNemar, with Holm's procedure over the models below a leader. */
import { holmAdjusted } from '../core/bench/metrics/holm.ts'
import { mcnemarExact } from '../core/bench/metrics/paired.ts'
import { significance } from '../reports/compare/compare.ts'
import { countDiffering, countMask } from './outcome-masks.ts'
import type { ExampleMask } from './outcome-masks.ts'

/** The test of a model against the leader of a rank, which is above it. */
export interface LeaderTest {
  /** Position of the leader, from 0. */
  readonly leader: number
  /** Examples that only the leader, and that only the model classifies correctly. */
  readonly onlyLeader: number
  readonly onlyModel: number
  /** Two-sided p-value of McNemar's exact test, adjusted by Holm's procedure. */
  readonly p: number
}

/** The rank of a model. */
export interface Rank {
  /** First and last position, from 1, of the models with this rank. */
  readonly best: number
  readonly worst: number
  /** Against the leader of its rank, or of the rank above if it leads its own. Not of the first. */
  readonly test?: LeaderTest
}

/**
 * Ranks models. The first model leads rank 1; each next one shares the rank of the model above it
 * unless the test tells it apart from the leader of that rank, and then leads the next rank. So no
 * model of a rank is told apart from its leader, and ranks never contradict the order of
 * accuracies. The tests of a leader against all models below it are one family, for which Holm's
 * procedure keeps the probability of any false difference at 5 %.
 * @param masks examples that are robust, one mask per model, in descending order of their numbers
 */
export function assignRanks(masks: readonly ExampleMask[]): Rank[] {
  const counts = masks.map(countMask)
  const tests: (LeaderTest | undefined)[] = masks.map(() => undefined)
  const leaders: number[] = []
  for (let leader = 0; leader < masks.length;) {
    leaders.push(leader)
    const next = testBelow(masks, counts, leader, tests)
    leader = next ?? masks.length
  }
  const ends = [...leaders.slice(1), masks.length]
  return leaders.flatMap((leader, at) =>
    tests.slice(leader, ends[at]).map((test) => ({
      best: leader + 1,
      worst: ends[at]!,
      ...(test && { test }),
    })),
  )
}

/**
 * Tests the models below a leader, and returns the position of the first that differs. Counting
 * ends at a model so far below that its p-value, times the number of tests, is below 10⁻⁶ by
 * Hoeffding's inequality: Holm's procedure rejects it and those below it before all others.
 */
function testBelow(
  masks: readonly ExampleMask[],
  counts: readonly number[],
  leader: number,
  tests: (LeaderTest | undefined)[],
): number | undefined {
  const certain = Math.log((2 * (masks.length - leader)) / 1e-6)
  const below: LeaderTest[] = []
  for (let at = leader + 1; at < masks.length; at++) {
    const { onlyA, onlyB } = countDiffering(masks[leader]!, masks[at]!)
    const p = mcnemarExact({ both: 0, neither: 0, onlyA, onlyB })
    below.push({ leader, onlyLeader: onlyA, onlyModel: onlyB, p })
    const mostDiffering = counts[leader]! + counts[at]!
    if ((onlyA - onlyB) ** 2 > 2 * mostDiffering * certain) break
  }
  const adjusted = holmAdjusted(below.map(({ p }) => p))
  for (const [index, test] of below.entries()) {
    const at = leader + 1 + index
    tests[at] = { ...test, p: adjusted[index]! }
    if (adjusted[index]! < significance) return at
  }
  return undefined
}
