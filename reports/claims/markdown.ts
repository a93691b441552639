/** The claims table in Markdown. */
import { count } from '../../core/base/figures.ts'
import { oneLine } from '../theme/printable.ts'
import { threatModelText } from '../theme/threat-text.ts'
import type { Claim } from './claim.ts'
import type { ClaimComparison, EvaluatedClaim } from './evaluate.ts'
import * as wording from './wording.ts'

const heads = [
  'Claim',
  'Source',
  'Comparison',
  'Robust accuracy',
  'Difference, 95% interval, p',
  'Verdict',
]

/** One row per claim and comparison, in the order of the claims; what was compared follows. */
export function writeClaimsMarkdown(evaluated: readonly EvaluatedClaim[]): string {
  const rows = evaluated.flatMap(({ claim, comparisons, notTested }) =>
    notTested === undefined
      ? comparisons.map((comparison) => testedRow(claim, comparison))
      : [[...claimCells(claim), comparisonCell(claim), '–', '–', `not tested: ${notTested}`]],
  )
  const table = [heads, heads.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.map(cellText).join(' | ')} |`,
  )
  const evidence = evaluated.flatMap(({ claim, comparisons }) =>
    comparisons.map((comparison) => evidenceItem(claim, comparison)),
  )
  const parts = [
    table.join('\n'),
    wording.tally(evaluated),
    ...(evidence.length === 0 ? [] : [wording.explanation, evidence.join('\n')]),
  ]
  return `${parts.join('\n\n')}\n`
}

function claimCells(claim: Claim): string[] {
  return [claim.statement, `[${wording.sourceText(claim)}](${claim.source.url})`]
}

function comparisonCell(claim: Claim): string {
  const { higher, lower } = wording.sideLabels(claim)
  const between = `${higher} and ${lower}`
  return claim.pairing === 'row'
    ? `${between}, on ${wording.sharedLabel(claim)}`
    : `${between}, under ${wording.sharedLabel(claim)}`
}

function testedRow(claim: Claim, comparison: ClaimComparison): string[] {
  const { dataset, threatModel, higher, lower, verdict } = comparison
  const setting = `${dataset.title}, ${threatModelText(threatModel)}`
  return [
    ...claimCells(claim),
    `${comparisonCell(claim)}; ${setting}, n = ${count(dataset.examples)}`,
    `${wording.accuracyText(higher)} and ${wording.accuracyText(lower)}`,
    [
      wording.differenceText(comparison),
      wording.intervalText(comparison),
      wording.pText(comparison),
    ].join(', '),
    [`**${verdict}**`, ...wording.cautionTexts(claim, comparison)].join('; '),
  ]
}

function evidenceItem(claim: Claim, comparison: ClaimComparison): string {
  const { higher, lower, pairs } = comparison
  const training = claim.pairing === 'network' ? wording.trainingText(comparison) : ''
  const parts = [
    wording.evidenceText(higher),
    `against ${wording.evidenceText(lower)}`,
    `${count(pairs.onlyA)} robust on the first side only, ${count(pairs.onlyB)} on the second only`,
    ...(training === '' ? [] : [training]),
  ]
  return `- \`${claim.id}\`: ${cellText(parts.join('; '))}`
}

/** A cell with markup of its own, in which names from results must not end it or add HTML. */
function cellText(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\|]/g, String.raw`\$&`)
    .replaceAll('<', '&lt;')
}
