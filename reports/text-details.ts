/** The text report's details below the table: draws, curves, and accuracies on corrupted images. */
import { documentationPath } from '../core/base/paths.ts'
import type picocolors from 'picocolors'
import type { CorruptionMatrix } from './theme/corruptions.ts'
import { wrapText } from '../core/base/wrap.ts'
import { medianText, namedCurves } from './theme/curves.ts'
import { drawsText } from './theme/draws.ts'
import { epsilonText, percentDigits } from './theme/figures.ts'
import { oneLine } from './theme/printable.ts'
import type { EntrySummary, SectionSummary } from './summary.ts'

type Colors = ReturnType<typeof picocolors.createColors>

/** One line per curve: `pgd-at × fmn: 2/255 55.10, 4/255 41.02, 8/255 12.30 %; median 0.0213`. */
export function curveLines(
  entries: readonly EntrySummary[],
  colors: Colors,
  width: number,
): string[] {
  const lines = entries.flatMap(({ defense, attacks, worstCaseCurve }) =>
    namedCurves(attacks, worstCaseCurve).map(({ name, curve }) => {
      const points = curve.points.map(
        ({ epsilon, robust }) => `${epsilonText(epsilon)} ${percentDigits(robust)}`,
      )
      const title = `${oneLine(defense.name)} × ${oneLine(name)}`
      const text = `  ${title}: ${points.join(', ')} %; median ${medianText(curve)}`
      return wrapText(text, width, '    ')
    }),
  )
  if (lines.length === 0) return []
  return ['', colors.dim('Robust accuracy by ε, and the median breaking ε'), ...lines]
}

/** One line per attack on a stochastic model, and what its figures mean. */
export function drawLines(
  { entries, drawsNote }: Pick<SectionSummary, 'entries' | 'drawsNote'>,
  colors: Colors,
  width: number,
): string[] {
  if (drawsNote === undefined) return []
  const lines = entries.flatMap(({ defense, attacks }) =>
    attacks.flatMap((attack) => {
      if (attack.state !== 'completed' || !attack.draws) return []
      const title = `${oneLine(defense.name)} × ${oneLine(attack.attack.name)}`
      return [wrapText(`  ${title}: ${drawsText(attack.draws)}`, width, '    ')]
    }),
  )
  return ['', colors.dim(wrapText(drawsNote, width)), ...lines]
}

/** One table per matrix: accuracy by corruption and severity, with the means. */
export function corruptionLines(
  entries: readonly EntrySummary[],
  colors: Colors,
  width: number,
): string[] {
  const lines = entries.flatMap(({ defense, corruptions = [] }) =>
    corruptions.flatMap((matrix) => {
      const seed = corruptions.length > 1 ? `, seed ${matrix.seed}` : ''
      const title = `${oneLine(defense.name)}${seed}: accuracy on corrupted images (%), by severity`
      return ['', colors.bold(wrapText(title, width)), ...matrixLines(matrix, colors)]
    }),
  )
  if (lines.length === 0) return []
  const frost = entries.some(({ corruptions = [] }) => corruptions.some((matrix) => matrix.frost))
  return [
    ...lines,
    '',
    'Worst case: correct on the original image and under every corruption.',
    ...(frost
      ? [
          wrapText(
            'Frost is procedural and not comparable with published numbers ' +
              `(see ${documentationPath('corruptions')}).`,
            width,
          ),
        ]
      : []),
  ]
}

function matrixLines({ severities, rows, means }: CorruptionMatrix, colors: Colors): string[] {
  const names = [...rows.map(({ corruption }) => corruption), ...means.map(({ label }) => label)]
  const width = Math.max(...names.map((name) => oneLine(name).length))
  const line = (name: string, cells: readonly string[]): string =>
    `  ${oneLine(name).padEnd(width)}${cells.map((cell) => cell.padStart(8)).join('')}`
  return [
    colors.dim(line('', [...severities.map(String), 'mean'])),
    ...rows.map(({ corruption, cells, mean }) =>
      line(corruption, [
        ...cells.map((cell) => (cell === 'failed' ? cell : digits(cell?.fraction))),
        digits(mean),
      ]),
    ),
    ...means.map(({ label, bySeverity, overall }) =>
      line(label, [...bySeverity, overall].map(digits)),
    ),
  ]
}

function digits(fraction: number | undefined): string {
  return fraction === undefined ? '–' : percentDigits(fraction)
}
