/** The result tables in LaTeX, with the rules of the package booktabs. */
import type { RunResult } from '../core/bench/result/result.ts'
import { plainTables } from './plain-rows.ts'
import { oneLine } from './theme/printable.ts'

/** LaTeX for characters that have a meaning in it, or that its standard fonts lack. */
const escapes: Readonly<Record<string, string>> = {
  '\\': String.raw`\textbackslash{}`,
  '~': String.raw`\textasciitilde{}`,
  '^': String.raw`\textasciicircum{}`,
  '≤': String.raw`$\leq$`,
  '∞': String.raw`$\infty$`,
  λ: String.raw`$\lambda$`,
  ρ: String.raw`$\rho$`,
  σ: String.raw`$\sigma$`,
  '±': String.raw`$\pm$`,
  '°': String.raw`$^\circ$`,
  '–': '--',
  '\u00a0': '~',
}

/**
 * A `table` for each data set and threat model. The document needs `\\usepackage{booktabs}`.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function writeLatexReport(result: RunResult): string {
  const tables = plainTables(result).map(({ title, heads, rows }) =>
    [
      String.raw`\begin{table}`,
      String.raw`\centering`,
      String.raw`\caption{${latex(title)}. Percentages of all examples, 95\,\% Wilson intervals.}`,
      String.raw`\begin{tabular}{l${'r'.repeat(heads.length - 1)}}`,
      String.raw`\toprule`,
      rowText(heads),
      String.raw`\midrule`,
      ...rows.map(rowText),
      String.raw`\bottomrule`,
      String.raw`\end{tabular}`,
      String.raw`\end{table}`,
    ].join('\n'),
  )
  return `% Needs \\usepackage{booktabs}.\n${tables.join('\n\n')}\n`
}

function rowText(cells: readonly string[]): string {
  return String.raw`${cells.map(latex).join(' & ')} \\`
}

function latex(text: string): string {
  // `oneLine` would turn no-break spaces into plain ones.
  const line = text.split('\u00a0').map(oneLine).join('\u00a0')
  return line.replaceAll(/[#$%&_{}]|[^ -}]|[\\^]/g, (character) => {
    const isSpecial = '#$%&_{}'.includes(character)
    return isSpecial ? `\\${character}` : (escapes[character] ?? character)
  })
}
