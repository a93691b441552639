/** What is known of a plan's cells from units that are finished, in its own store or in an earlier run. */
import { hashJson } from '../../base/hash.ts'
import type { Plan } from '../plan/plan.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { RunResult } from '../result/result.ts'
import type { UnitOutcome } from '../store/store.ts'

/** A finished run over consecutive examples of a cell. */
export interface MeasuredShard {
  /** The first example; absent if they are of other data. */
  readonly start?: number
  /** One character an example: `1` or `0` of clean predictions, `w`, `r` or `b` of an attack. */
  readonly outcomes: string
  readonly forwardPasses: number
  readonly backwardPasses: number
  /** On this machine; absent if it was another run. */
  readonly elapsedMs?: number
}

/** Finished shards by `measuredKey`. */
export type Measurements = ReadonlyMap<string, readonly MeasuredShard[]>

/** Which cell, by the names that a suite gives: an attack, or clean predictions if it is null. */
export interface MeasuredCell {
  readonly defense: string
  readonly threatModel: ThreatModel
  readonly attack: string | null
  readonly seed: number | null
}

export function measuredKey({ defense, threatModel, attack, seed }: MeasuredCell): string {
  return hashJson({ defense, threatModel, attack, seed })
}

/** The finished units of a plan's clean predictions and attacks. */
export function measuredUnits(
  plan: Plan,
  outcome: (unitId: string) => UnitOutcome | undefined,
): Measurements {
  const found = new Map<string, MeasuredShard[]>()
  for (const { name: defense, threatModel, clean, attacks } of plan.rows) {
    const cells = [
      { ...clean, attack: null, seed: null },
      ...attacks.map((attack) => ({ ...attack, attack: attack.name, seed: attack.cell.seed })),
    ]
    for (const { units, attack, seed } of cells) {
      const shards = units.flatMap(({ id, shard }): MeasuredShard[] => {
        const done = outcome(id)
        if (!done) return []
        const { outcomes, forwardPasses, backwardPasses, elapsedMs } = done
        return [{ start: shard.start, outcomes, forwardPasses, backwardPasses, elapsedMs }]
      })
      if (shards.length > 0) found.set(measuredKey({ defense, threatModel, attack, seed }), shards)
    }
  }
  return found
}

/** The finished cells of an earlier run, attacks also without a seed. @param dataset the hash of the plan's data: only there do examples stand in the same places */
export function measuredResult({ entries }: RunResult, dataset: string): Measurements {
  const found = new Map<string, MeasuredShard[]>()
  for (const { defense, threatModel, attacks, cleanOutcomes, dataset: data } of entries) {
    const place = data.sha256 === dataset ? { start: 0 } : {}
    const cell = { defense: defense.name, threatModel }
    found.set(measuredKey({ ...cell, attack: null, seed: null }), [
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
      const measured = { outcomes, forwardPasses, backwardPasses }
      found.set(measuredKey({ ...cell, attack: attack.name, seed }), [{ ...place, ...measured }])
      // For other seeds it is a sample, whose examples may come out otherwise.
      found.set(measuredKey({ ...cell, attack: attack.name, seed: null }), [measured])
    }
  }
  return found
}
