/** The robustness curves of an entry, from its counts. */
import type { BreakingRange } from '../../core/bench/metrics/curve.ts'
import { namedCurves } from '../../reports/theme/curves.ts'
import type { CurveSummary, NamedCurve } from '../../reports/theme/curves.ts'
import type { LeaderboardEntry } from '../entry-type.ts'

type CurveCounts = NonNullable<LeaderboardEntry['worstCase']['curve']>

/** The curves of the attacks that have one, then that of the worst case; empty without curves. */
export function entryCurves(entry: LeaderboardEntry): NamedCurve[] {
  const attacks = entry.attacks.map(({ name, curve }) => ({
    attack: { name },
    ...(curve && { curve: summaryOf(curve, entry) }),
  }))
  const { curve } = entry.worstCase
  return namedCurves(attacks, curve && summaryOf(curve, entry))
}

function summaryOf(curve: CurveCounts, entry: LeaderboardEntry): CurveSummary {
  const { dataset, clean, threatModel } = entry
  const points = curve.epsilons.map((epsilon, at) => ({
    epsilon,
    robust: curve.robust[at]! / dataset.examples,
  }))
  const median = medianOf(curve, clean.correct)
  const fromClean = !threatModel.transform && curve.epsilons[0] !== 0
  const start = { epsilon: 0, robust: clean.correct / dataset.examples }
  return {
    points,
    ...(median && { medianBreakingEpsilon: median }),
    line: fromClean ? [start, ...points] : points,
  }
}

/** Between which ε half of the correct examples are broken. */
function medianOf({ epsilons, robust }: CurveCounts, correct: number): BreakingRange | undefined {
  const at = robust.findIndex((count) => correct - count >= correct / 2)
  if (at < 0 || correct === 0) return undefined
  return { low: at === 0 ? 0 : epsilons[at - 1]!, high: epsilons[at]! }
}
