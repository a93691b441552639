/** The words and numbers of a comparison, the same in all formats. */
import { percentDigits } from '../../core/base/figures.ts'
import type { ComparedEntry, ComparedMeasure, Comparison } from './compare.ts'
import { threatModelText } from '../theme/threat-text.ts'

/** Heads of the table of an entry. */
export const comparisonHeads = [
  'Measure',
  'Verdict',
  'Base',
  'Head',
  'Difference',
  '95 % interval',
  'Held in both',
  'Newly held',
  'Newly broken',
  'In neither',
  'p',
] as const

/** A row of that table. */
export function comparisonRow(measure: ComparedMeasure): string[] {
  const { counts, interval, difference } = measure
  return [
    measure.name,
    measure.verdict,
    percentDigits(measure.base),
    percentDigits(measure.head),
    signed(difference),
    `${signed(interval.low)} to ${signed(interval.high)}`,
    String(counts.both),
    String(counts.onlyA),
    String(counts.onlyB),
    String(counts.neither),
    pText(measure.adjusted),
  ]
}

/** The title of an entry: `pgd-at · CIFAR-10 · L∞ ≤ 8/255 · 500 examples`. */
export function entryTitle({ defense, headDefense, dataset, threatModel }: ComparedEntry): string {
  const name = headDefense === defense ? defense : `${defense} → ${headDefense}`
  const examples = `${dataset.examples} examples`
  return [name, dataset.title, threatModelText(threatModel), examples].join(' · ')
}

/** The verdict as a sentence. */
export function verdictText({ verdict }: Pick<Comparison, 'verdict'>): string {
  if (verdict === 'no evidence') return 'There is no evidence of a difference.'
  return verdict === 'worse' ? 'The head is worse.' : 'The head is better.'
}

/** Percentage points with a sign: `+1.20`, `−0.50`, `0.00`. */
export function signed(fraction: number): string {
  const digits = percentDigits(Math.abs(fraction))
  if (Number(digits) === 0) return digits
  return fraction > 0 ? `+${digits}` : `−${digits}`
}

function pText(p: number): string {
  return p < 0.0001 ? '<0.0001' : p.toFixed(4)
}

/** What the numbers mean, for below the tables. */
export const comparisonNote =
  'Accuracies in percent of all examples; differences in points, with 95 % score intervals of ' +
  "Tango. p is that of McNemar's exact test, for attacks adjusted by Holm's procedure; " +
  'evidence is p < 0.05.'
