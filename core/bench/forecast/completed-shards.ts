/** Outcomes and costs of completed shards, from the store of a plan or from an earlier run. */
import { hashJson } from '../../base/hash.ts'
import type { Plan } from '../plan/plan.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { RunResult } from '../result/result.ts'
import type { UnitOutcome } from '../store/unit-outcome.ts'

/** Consecutive examples of a cell that are completed. */
export interface CompletedShard {
  /** Index of the first example; absent for other data. */
  readonly start?: number
  /**
   * One character per example: `1` or `0` for clean predictions; `w`, `r`, or `b` for an attack.
   */
  readonly outcomes: string
  readonly forwardPasses: number
  readonly backwardPasses: number
  /** Absent for an earlier run. */
  readonly elapsedMs?: number
}

/** Completed shards by `namedCellKey`. */
export type CompletedShards = ReadonlyMap<string, readonly CompletedShard[]>

/** A cell by names of the suite. `attack` is null for clean predictions. */
export interface NamedCell {
  readonly defense: string
  readonly threatModel: ThreatModel
  readonly attack: string | null
  readonly seed: number | null
}

/** A key that is equal for equal names. */
export function namedCellKey({ defense, threatModel, attack, seed }: NamedCell): string {
  return hashJson({ defense, threatModel, attack, seed })
}

/** Completed units of a plan: clean predictions and attacks. */
export function shardsOfPlan(
  plan: Plan,
  outcome: (unitId: string) => UnitOutcome | undefined,
): CompletedShards {
  const found = new Map<string, CompletedShard[]>()
  for (const { name: defense, threatModel, clean, attacks } of plan.rows) {
    const cells = [
      { ...clean, attack: null, seed: null },
      ...attacks.map((attack) => ({ ...attack, attack: attack.name, seed: attack.cell.seed })),
    ]
    for (const { units, attack, seed } of cells) {
      const shards = units.flatMap(({ id, shard }): CompletedShard[] => {
        const done = outcome(id)
        if (!done) return []
        const { outcomes, forwardPasses, backwardPasses, elapsedMs } = done
        return [{ start: shard.start, outcomes, forwardPasses, backwardPasses, elapsedMs }]
      })
      if (shards.length > 0) found.set(namedCellKey({ defense, threatModel, attack, seed }), shards)
    }
  }
  return found
}

/**
 * Completed cells of an earlier run. Attacks are also listed without a seed.
 * @param dataset hash of the plan's data; indices of examples apply only to the same data
 */
export function shardsOfResult({ entries }: RunResult, dataset: string): CompletedShards {
  const found = new Map<string, CompletedShard[]>()
  for (const { defense, threatModel, attacks, cleanOutcomes, dataset: data } of entries) {
    const place = data.sha256 === dataset ? { start: 0 } : {}
    const cell = { defense: defense.name, threatModel }
    found.set(namedCellKey({ ...cell, attack: null, seed: null }), [
      {
        ...place,
        outcomes: cleanOutcomes,
        forwardPasses: cleanOutcomes.length,
        backwardPasses: 0,
      },
    ])
    for (const result of attacks) {
      if (result.state !== 'completed') continue
      const { attack, seed, outcomes, forwardPasses, backwardPasses } = result
      const shard = { outcomes, forwardPasses, backwardPasses }
      found.set(namedCellKey({ ...cell, attack: attack.name, seed }), [{ ...place, ...shard }])
      // With another seed, outcomes of single examples may differ: no index.
      found.set(namedCellKey({ ...cell, attack: attack.name, seed: null }), [shard])
    }
  }
  return found
}
