/** The words of the claims table, the same in all formats. */
import { countOf, percentDigits, significant } from '../../core/base/figures.ts'
import { plainOptions } from '../theme/figures.ts'
import type { Proportion } from '../theme/proportion.ts'
import type { Claim } from './claim.ts'
import type { ClaimComparison, ComparedSide, EvaluatedClaim } from './evaluate.ts'

/** How verdicts are reached, below every table. */
export const explanation =
  'Differences are in points of robust accuracy, with the 95 % score interval of Tango and the ' +
  "exact p of McNemar's test on the same examples. A claim is reproduced at this scale if p is " +
  'below 0.05 and the interval is above zero, not reproduced if p is below 0.05 and the ' +
  'interval is below zero, and otherwise too close to tell. With several trainings, the interval ' +
  'and p are those of the first, and all differences must have the same sign. p is not adjusted ' +
  'for the number of claims. Where reliability checks of a model failed, its robust accuracy may ' +
  'be overstated, and the verdict with it.'

/** The source of a claim: `Li et al. 2024, table 4`. */
export function sourceText({ source, place }: Claim): string {
  const [first = '', ...others] = source.authors.split(', ')
  const authors = others.length === 0 || !/^[A-Z][a-z]+$/.test(first) ? first : `${first} et al.`
  return `${authors} ${source.year}, ${place}`
}

/** The labels of both sides: of their defenses, or of their attacks for one model. */
export function sideLabels({ higher, lower, pairing }: Claim): {
  readonly higher: string
  readonly lower: string
} {
  const part = pairing === 'row' ? 'attack' : 'defense'
  return { higher: higher[part].label, lower: lower[part].label }
}

/** What both sides share: the attack, or the model's defense. */
export function sharedLabel({ higher, pairing }: Claim): string {
  return pairing === 'row' ? higher.defense.label : higher.attack.label
}

/** Accuracies in percent: `44.10 %`, or `44.10, 44.30, mean 44.20 %` for several trainings. */
export function accuracyText({ robust, mean }: ComparedSide): string {
  const values = robust.map(({ fraction }: Proportion) => percentDigits(fraction))
  return values.length === 1
    ? `${values[0]} %`
    : `${values.join(', ')}, mean ${percentDigits(mean)} %`
}

/** A difference in points: `+2.10`, `−0.30`, `0.00`. */
export function pointsText(difference: number): string {
  const digits = percentDigits(Math.abs(difference))
  if (Number(digits) === 0) return digits
  return `${difference > 0 ? '+' : '−'}${digits}`
}

/** The differences of all trainings: `+2.10`, or `+2.10, +1.80, mean +1.95`. */
export function differenceText({ differences, meanDifference }: ClaimComparison): string {
  const values = differences.map(pointsText)
  return values.length === 1
    ? values[0]!
    : `${values.join(', ')}, mean ${pointsText(meanDifference)}`
}

/** The interval in points: `[+0.50, +3.70]`. */
export function intervalText({ interval }: ClaimComparison): string {
  return `[${pointsText(interval.low)}, ${pointsText(interval.high)}]`
}

/** The p-value with two digits: `p = 0.012`, `p < 0.0001`. */
export function pText({ pValue }: ClaimComparison): string {
  return pValue < 1e-4 ? 'p < 0.0001' : `p = ${significant(pValue, 2)}`
}

/** The rows and attacks of a side: `dat, row "dat", pgd (steps 20, …)`. */
export function evidenceText({ defense, name, attacks }: ComparedSide): string {
  const under = attacks.map(({ plugin, options }) => `${plugin} (${plainOptions(options)})`)
  return `${defense}, row "${name}", under ${under.join('; ')}`
}

/**
 * The options in which two rows of different defenses differ, in words; empty if they are equal.
 */
export function trainingText({ higher, lower }: ClaimComparison): string {
  const names = ['epochs', 'batchSize', 'learningRate'].filter(
    (name) => higher.options[name] !== lower.options[name],
  )
  return names
    .map((name) => `${name} ${String(higher.options[name])} and ${String(lower.options[name])}`)
    .join(', ')
}

/**
 * The sides whose reliability checks failed, `checks of w/o AAG failed: search-weaker`, one text a
 * side: their robust accuracy may be overstated.
 */
export function cautionTexts(claim: Claim, { higher, lower }: ClaimComparison): string[] {
  const defenses = [
    [claim.higher.defense.label, higher],
    // In a row, both sides are attacks on one model.
    ...(claim.pairing === 'row' ? [] : [[claim.lower.defense.label, lower] as const]),
  ] as const
  return defenses.flatMap(([label, { failedChecks }]) =>
    failedChecks.length === 0 ? [] : [`checks of ${label} failed: ${failedChecks.join(', ')}`],
  )
}

/** How many claims have each verdict: `2 reproduced at this scale, …, 30 not tested`. */
export function tally(evaluated: readonly EvaluatedClaim[]): string {
  const verdicts = evaluated.flatMap(({ comparisons }) => comparisons.map(({ verdict }) => verdict))
  const counted = (
    ['reproduced at this scale', 'not reproduced', 'too close to tell'] as const
  ).map((verdict) => `${verdicts.filter((each) => each === verdict).length} ${verdict}`)
  const untested = evaluated.filter(({ comparisons }) => comparisons.length === 0).length
  const total = countOf(verdicts.length, 'comparison')
  return `${total}: ${counted.join(', ')}. ${countOf(untested, 'claim')} not tested.`
}
