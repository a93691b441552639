/** Tables for the terminal: one rule below the head, space between columns, no boxes. */
import Table from 'cli-table3'

/** The layout of a table. */
export interface PlainTableOptions {
  /** By column. Default: left. */
  readonly alignments?: readonly ('left' | 'right')[]
  /** True to leave an empty line between rows. */
  readonly spaced?: boolean
  /** Width in characters to fit into by wrapping columns of text. Default: unlimited. */
  readonly width?: number
  /** Indices of the columns that may wrap. */
  readonly wrapped?: readonly number[]
}

const chars = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  right: '',
  'right-mid': '',
  mid: '─',
} as const

/** Spaces after the text of a cell. */
const padding = 2

/** A column is not wrapped below its longest word, or this width, in characters. */
const leastWidth = 19

/** The table as text, without trailing spaces. Cells may have several lines. */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: PlainTableOptions = {},
): string {
  const { alignments = [], spaced = false } = options
  const table = new Table({
    head: [...head],
    chars: { ...chars, 'mid-mid': spaced ? '─' : '', middle: spaced ? ' ' : '' },
    colAligns: head.map((_, column) => alignments[column] ?? 'left'),
    colWidths: columnWidths(head, rows, options),
    style: {
      head: [],
      border: [],
      'padding-left': 0,
      'padding-right': padding,
      compact: !spaced,
    },
    wordWrap: true,
  })
  for (const row of rows) table.push([...row])
  return trimLines(withSingleRule(table.toString(), spaced ? 0 : padding))
}

/** The widths of columns that must wrap to fit, `null` for the others. */
function columnWidths(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { width = Infinity, wrapped = [], spaced = false }: PlainTableOptions,
): (number | null)[] {
  const natural = head.map((title, column) => {
    const cells = [title, ...rows.map((row) => row[column] ?? '')]
    return Math.max(...cells.map((cell) => cell.length))
  })
  const floors = head.map((title, column) => {
    const cells = [title, ...rows.map((row) => row[column] ?? '')]
    const words = cells.flatMap((cell) => cell.split(/\s/).map((word) => word.length))
    return Math.min(leastWidth, Math.max(...words))
  })
  const widths = [...natural]
  const gap = padding + (spaced ? 1 : 0)
  const excess = (): number => widths.reduce((sum, size) => sum + size + gap, -gap) - width
  while (excess() > 0) {
    const [widest] = wrapped
      .filter((column) => widths[column]! > floors[column]!)
      .toSorted((a, b) => widths[b]! - widths[a]!)
    if (widest === undefined) break
    widths[widest]!--
  }
  // cli-table3 includes the padding in the width of a column.
  return widths.map((size, column) => (size === natural[column] ? null : size + padding))
}

/** Keeps only the rule below the head, shortened by `overhang`: cli-table3 rules off all rows. */
function withSingleRule(table: string, overhang: number): string {
  const isRule = (line: string): boolean => line.includes('───')
  const lines = table.split('\n')
  const first = lines.findIndex(isRule)
  return lines
    .map((line, i) => {
      if (!isRule(line)) return line
      return i === first ? line.slice(0, line.length - overhang) : ''
    })
    .join('\n')
}

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
