/** Stages of an attack: their form, and the outcomes after each of them. */
import type { StagedResult } from './contract.ts'

/** The outcomes of a run that ends after a stage, as in `HostedResult.outcomes`. */
export interface StageOutcomes {
  readonly name: string
  /** One character per example. */
  readonly outcomes: string
}

/** Describes the first mistake in the form of a result's stages; undefined if it is valid. */
export function checkStages(result: StagedResult, count: number): string | undefined {
  const { stages, brokenBy } = result as Partial<StagedResult>
  const named = Array.isArray(stages) && stages.every((name) => typeof name === 'string')
  if (!named || stages.length === 0 || new Set(stages).size < stages.length) {
    return 'expected stages to be a list of different names'
  }
  if (!(brokenBy instanceof Int32Array) || brokenBy.length !== count) {
    return `expected brokenBy to be an Int32Array with a stage for each of ${count} examples`
  }
  const at = brokenBy.findIndex((stage) => stage < -1 || stage >= stages.length)
  if (at < 0) return undefined
  return (
    `expected brokenBy to contain −1 or indices of the ${stages.length} stages, ` +
    `got ${brokenBy[at]} at ${at}`
  )
}

/**
 * The outcomes after each stage. An example that the host finds robust is robust after every stage,
 * whatever the attack claims; one that only the host finds broken counts for no stage.
 * @param attacked the rows that were attacked, in the order of the result
 * @param outcomes one character per example, by the host's own predictions
 */
export function outcomesByStage(
  { stages, brokenBy }: StagedResult,
  attacked: Int32Array,
  outcomes: readonly string[],
): StageOutcomes[] {
  return stages.map((name, stage) => {
    const after = outcomes.map((outcome) => (outcome === 'b' ? 'r' : outcome))
    attacked.forEach((row, position) => {
      const by = brokenBy[position]!
      if (outcomes[row] === 'b' && by >= 0 && by <= stage) after[row] = 'b'
    })
    return { name, outcomes: after.join('') }
  })
}
