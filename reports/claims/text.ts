/** The claims table for the terminal, 80 columns wide. */
import { wrapText } from '../../core/base/wrap.ts'
import picocolors from 'picocolors'
import { canonicalJson } from '../../core/base/hash.ts'
import { count, countOf } from '../../core/base/figures.ts'
import { plainTable } from '../theme/plain-table.ts'
import { oneLine } from '../theme/printable.ts'
import { threatModelText } from '../theme/threat-text.ts'
import type { Claim } from './claim.ts'
import type { ClaimComparison, EvaluatedClaim } from './evaluate.ts'
import type { ClaimVerdict } from './verdict.ts'
import * as wording from './wording.ts'

type Colors = ReturnType<typeof picocolors.createColors>

interface TestedClaim {
  readonly claim: Claim
  readonly comparison: ClaimComparison
}

const width = 80

/** Of wrapped columns. With three gaps of 3 and an interval of 18, a row has 79 characters. */
const widths = { claim: 21, accuracy: 18, verdict: 13 } as const

/** One table per data set and threat model, then the claims that are not tested. */
export function formatClaims(
  evaluated: readonly EvaluatedClaim[],
  options: { readonly color: boolean },
): string {
  const colors = picocolors.createColors(options.color)
  const parts = [
    ...settingsOf(evaluated).map((tested) => formatSetting(tested, colors)),
    ...formatUntested(evaluated, colors),
    ...(evaluated.some(({ comparisons }) => comparisons.length > 0)
      ? [colors.dim(wrapText(wording.explanation))]
      : []),
    wrapText(wording.tally(evaluated)),
  ]
  return `${parts.join('\n\n')}\n`
}

/** Tested claims by data set, examples, and threat model. */
function settingsOf(evaluated: readonly EvaluatedClaim[]): TestedClaim[][] {
  const settings = new Map<string, TestedClaim[]>()
  for (const { claim, comparisons } of evaluated) {
    for (const comparison of comparisons) {
      const { dataset, threatModel } = comparison
      const key = canonicalJson([dataset, threatModel])
      settings.set(key, [...(settings.get(key) ?? []), { claim, comparison }])
    }
  }
  return [...settings.values()]
}

function formatSetting(tested: readonly TestedClaim[], colors: Colors): string {
  const { dataset, threatModel } = tested[0]!.comparison
  const examples =
    dataset.examples < dataset.total
      ? `${count(dataset.examples)} of ${countOf(dataset.total, 'example')}`
      : countOf(dataset.examples, 'example')
  const setting = `${oneLine(dataset.title)} · ${threatModelText(threatModel)} · ${examples}`
  const heads = ['Claim', 'Robust accuracy', 'Difference', 'Verdict']
  const rows = tested.map(({ claim, comparison }) => [
    wrapText(`${claim.statement} (${wording.sourceText(claim)})`, widths.claim),
    accuracies(claim, comparison),
    [
      ...splitAt(wording.differenceText(comparison)),
      wording.intervalText(comparison),
      wording.pText(comparison),
    ].join('\n'),
    [
      colored(comparison.verdict, colors),
      ...wording.cautionTexts(claim, comparison).map((text) => wrapText(text, widths.verdict)),
    ].join('\n'),
  ])
  const table = plainTable(
    heads.map((head) => colors.dim(head)),
    rows,
    { spaced: true },
  )
  const toy = dataset.toy ? colors.yellow('\ntoy data: not evidence of real robustness') : ''
  return `${colors.bold(wrapText(setting))}${toy}\n\n${table}`
}

function accuracies(claim: Claim, comparison: ClaimComparison): string {
  const labels = wording.sideLabels(claim)
  const lines = (['higher', 'lower'] as const).flatMap((side) => [
    wrapText(`${labels[side]}:`, widths.accuracy),
    ...splitAt(wording.accuracyText(comparison[side])).map((line) => `  ${line}`),
  ])
  return [...lines, wrapText(`(${wording.sharedLabel(claim)})`, widths.accuracy)].join('\n')
}

/** Lists, one item per line. */
function splitAt(text: string): string[] {
  return text.split(', ')
}

function colored(verdict: ClaimVerdict, colors: Colors): string {
  const lines = wrapText(verdict, widths.verdict)
  if (verdict === 'reproduced at this scale') return colors.green(lines)
  return verdict === 'not reproduced' ? colors.red(lines) : colors.yellow(lines)
}

function formatUntested(evaluated: readonly EvaluatedClaim[], colors: Colors): string[] {
  const lines = evaluated.flatMap(({ claim, notTested }) =>
    notTested === undefined
      ? []
      : [
          wrapText(`  ${claim.statement} (${wording.sourceText(claim)})`, width, '  '),
          colors.dim(wrapText(`    not tested: ${oneLine(notTested)}`, width, '    ')),
        ],
  )
  return lines.length === 0 ? [] : [`${colors.bold('Not tested')}\n${lines.join('\n')}`]
}
