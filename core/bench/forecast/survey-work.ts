/** The passes that a survey of a model makes likely. */
import type { PassEstimate } from '../../plugin/contract.ts'
import type { Survey } from '../plan/model-row.ts'

/** What is expected of a cell, by a survey of its model. */
export interface SurveyedWork {
  /** Passes of its open units. */
  readonly passes: PassEstimate
  /** Elapsed time as a multiple of that of timed passes, 1 or more. */
  readonly pace: number
}

/** What decides how a kind of work depends on the examples that stay robust. */
export interface SurveyedCell {
  readonly kind: 'clean' | 'checks' | 'attack'
  /** Examples in open units. */
  readonly examples: number
  /** Upper bound for open units. */
  readonly passes: PassEstimate
  /** Of the model: attacks on it do not stop early. */
  readonly stochastic: boolean
  /** See `ResolvedAttack`; true for other kinds. */
  readonly endsWhenBroken: boolean
}

/** The share of the longest search after which an attack without gradients breaks an example. */
const searchShare = 0.1

/**
 * The passes of probes as shares of their upper bound, and what robust examples add: measured on
 * the shipped models with checks of 64 examples.
 */
const probeShares = { forward: [0.5, 0.3], backward: [0.1, 0.6] } as const

/**
 * The passes that a survey makes likely. Misclassified examples cost an attack nothing. A robust
 * one costs as much as its upper bound, and a broken one as many steps as PGD took in the survey,
 * or a tenth of a search without gradients.
 */
export function surveyedWork(
  { kind, examples, passes, stochastic, endsWhenBroken }: SurveyedCell,
  survey: Survey,
): SurveyedWork {
  const correct = survey.correct / survey.examples
  const robust = survey.robust / survey.examples
  if (kind === 'clean' || examples === 0) return { passes, pace: 1 }
  const { pace } = survey
  const scaled = (forward: number, backward = forward): SurveyedWork => ({
    passes: { forward: forward * passes.forward, backward: backward * passes.backward },
    pace,
  })
  if (kind === 'checks') {
    const shares = (['forward', 'backward'] as const).map((direction) => {
      const [least, more] = probeShares[direction]
      return stochastic ? correct : correct * least + robust * more
    })
    return scaled(shares[0]!, shares[1])
  }
  if (stochastic || !endsWhenBroken) return scaled(correct)
  const perExample = (most: number, broken: number): number =>
    robust * most + (correct - robust) * Math.min(most, broken)
  const forward = passes.forward / examples
  const backward = passes.backward / examples
  const isSearch = backward === 0
  const brokenForward = isSearch ? searchShare * forward : survey.steps + 1
  return {
    passes: {
      forward: examples * perExample(forward, brokenForward),
      backward: examples * perExample(backward, survey.steps),
    },
    pace,
  }
}

/** The surveys of a plan in numbers, for the words that state what a forecast assumes. */
export interface SurveyFigures {
  /** The fewest examples of a survey. */
  readonly examples: number
  /** The lowest and the highest share of examples that stay robust. */
  readonly robust: readonly [least: number, most: number]
  /** True if nothing was attacked, for any of the models. */
  readonly assumed: boolean
}

/** @returns undefined without surveys */
export function surveyFigures(surveys: readonly Survey[]): SurveyFigures | undefined {
  if (surveys.length === 0) return undefined
  const shares = surveys.map(({ robust, examples }) => robust / examples)
  return {
    examples: Math.min(...surveys.map(({ examples }) => examples)),
    robust: [Math.min(...shares), Math.max(...shares)],
    assumed: surveys.some((survey) => survey.assumed === true),
  }
}
