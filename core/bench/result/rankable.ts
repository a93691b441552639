/** Whether an entry may be ranked: the one place that decides. */
import type { ErrorRecord } from '../../base/errors.ts'
import { isPrivateData } from '../../data/dataset.ts'
import type { Check } from '../checks/check.ts'
import type { ResultEntry } from './result.ts'

/** The part of `ResultEntry` that ranking depends on. */
export interface RankingFacts extends Pick<ResultEntry, 'dataset'> {
  readonly attacks: readonly {
    readonly state: 'completed' | 'failed'
    readonly attack: { readonly name: string }
  }[]
  readonly checks?: readonly Check[]
  /** False if the probes were skipped. */
  readonly isProbed?: boolean
}

/**
 * Reasons against ranking, as sentences without a full stop; empty if the entry may be ranked.
 * @param checksError of reliability checks that could not run
 */
export function rankingObstacles(
  { dataset, attacks, checks = [], isProbed = true }: RankingFacts,
  checksError?: ErrorRecord,
): string[] {
  const { id, examples, total, toy, sample } = dataset
  return [
    ...(examples < total ? [unused(examples, total, sample !== undefined)] : []),
    ...(toy ? [`"${id}" is a toy data set`] : []),
    ...(isPrivateData(id) ? ['private data: not independently verifiable'] : []),
    ...(attacks.length === 0 ? ['no attack was run'] : []),
    ...attacks.flatMap(({ state, attack }) =>
      state === 'failed' ? [`attack "${attack.name}" failed`] : [],
    ),
    ...(isProbed ? [] : ['the reliability probes were skipped']),
    ...(checksError ? [`the reliability checks failed to run: ${checksError.message}`] : []),
    ...checks.flatMap(({ verdict, title, evidence }) =>
      verdict === 'fail' ? [`a reliability check failed (${title}): ${evidence}`] : [],
    ),
  ]
}

function unused(examples: number, total: number, isSample: boolean): string {
  return isSample
    ? `only a sample of ${examples} of ${total} examples was used`
    : `only the first ${examples} of ${total} examples were used`
}
