/** Joins the outcomes of the shards of a cell. */
import { sumBy } from '../../base/sum.ts'
import type { ShardOutcome } from '../store/unit-outcome.ts'

/** One outcome for all shards. @param parts in the order of the examples, at least one */
export function joinShards(parts: readonly ShardOutcome[]): ShardOutcome {
  const [first] = parts
  const stages = joinStages(parts)
  return {
    outcomes: parts.map(({ outcomes }) => outcomes).join(''),
    forwardPasses: sumBy(parts, (part) => part.forwardPasses),
    backwardPasses: sumBy(parts, (part) => part.backwardPasses),
    ...(stages && { stages }),
    ...(first?.breakingEpsilons && {
      breakingEpsilons: parts.flatMap(({ breakingEpsilons = [] }) => breakingEpsilons),
    }),
    ...(first?.draws && {
      draws: {
        count: first.draws.count,
        correct: parts.flatMap(({ draws }) => draws?.correct ?? []),
      },
    }),
    ...(first?.correct !== undefined && {
      correct: parts.map(({ correct = '' }) => correct).join(''),
    }),
    ...(parts.every(({ silentSuccesses }) => silentSuccesses !== undefined) && {
      silentSuccesses: sumBy(parts, ({ silentSuccesses = 0 }) => silentSuccesses),
    }),
  }
}

/** Joins stages by index. A shard without stages attacked nothing: its outcomes never change. */
function joinStages(parts: readonly ShardOutcome[]): ShardOutcome['stages'] {
  const names = parts.find(({ stages }) => stages)?.stages?.map(({ name }) => name)
  return names?.map((name, place) => ({
    name,
    outcomes: parts.map(({ stages, outcomes }) => stages?.[place]?.outcomes ?? outcomes).join(''),
  }))
}
