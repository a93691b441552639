/** What the stages of an attack found, as far as the host agrees. */
import type { StagedResult } from './contract.ts'

/** The outcomes of a run that ends after that stage, one character an example, as in `AttackAnswer.outcomes`. */
export interface StageOutcomes {
  readonly name: string
  readonly outcomes: string
}

/** What is wrong with the form of an answer's stages, in words; undefined if nothing is. */
export function checkStages(answer: StagedResult, count: number): string | undefined {
  const { stages, brokenBy } = answer as Partial<StagedResult>
  const named = Array.isArray(stages) && stages.every((name) => typeof name === 'string')
  if (!named || stages.length === 0 || new Set(stages).size < stages.length) {
    return 'expected stages to be a list of different names'
  }
  if (!(brokenBy instanceof Int32Array) || brokenBy.length !== count) {
    return `expected brokenBy to be an Int32Array with a stage for each of ${count} examples`
  }
  const at = brokenBy.findIndex((place) => place < -1 || place >= stages.length)
  if (at < 0) return undefined
  return `expected brokenBy to hold −1 or places of the ${stages.length} stages, got ${brokenBy[at]} at ${at}`
}

/**
 * The outcomes after each stage. An example that the host finds robust is so after every stage, whatever the attack says;
 * one that only the host finds broken counts for no stage.
 * @param attacked the rows that were attacked, in the order of the answer
 * @param outcomes one character for each example, by the host's own predictions
 */
export function outcomesByStage(
  { stages, brokenBy }: StagedResult,
  attacked: Int32Array,
  outcomes: readonly string[],
): StageOutcomes[] {
  return stages.map((name, stage) => {
    const after = outcomes.map((outcome) => (outcome === 'b' ? 'r' : outcome))
    attacked.forEach((row, place) => {
      const by = brokenBy[place]!
      if (outcomes[row] === 'b' && by >= 0 && by <= stage) after[row] = 'b'
    })
    return { name, outcomes: after.join('') }
  })
}
