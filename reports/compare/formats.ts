/** The formats of a comparison: text, Markdown, JSON, JUnit, and HTML. */
import { join } from 'node:path'
import { wrapText } from '../../core/base/wrap.ts'
import { packageRoot } from '../../core/base/paths.ts'
import { plainTable } from '../theme/plain-table.ts'
import { markdownText } from '../theme/markdown-text.ts'
import { jsonText, oneLine } from '../theme/printable.ts'
import { templateEnvironment } from '../theme/templates.ts'
import { isRegression } from './compare.ts'
import type { ComparedEntry, ComparedMeasure, Comparison } from './compare.ts'
import {
  comparisonHeads,
  comparisonNote,
  comparisonRow,
  entryTitle,
  signed,
  verdictText,
} from './wording.ts'

/** An example with its images as data URIs of PNG files. */
export interface ExamplePictures {
  readonly example: number
  readonly label: string
  readonly clean: string
  /** The adversarial examples of both results, where they were saved. */
  readonly base?: string
  readonly head?: string
}

/** The pictures of one measure. */
export interface MeasurePictures {
  readonly broken: readonly ExamplePictures[]
  readonly held: readonly ExamplePictures[]
}

/** What a format writes. */
export interface ComparisonPage {
  readonly comparison: Comparison
  /** Regressions by at most this much are permitted; in [0, 1]. */
  readonly margin: number
  /** By measure, where pictures are available. */
  readonly pictures?: ReadonlyMap<ComparedMeasure, MeasurePictures>
}

/** Examples that text formats list. */
const listed = 12

/** All formats by id. */
export const comparisonFormats = {
  text: { write: writeText },
  markdown: { write: writeMarkdown },
  json: { write: writeJson },
  junit: { write: writeJunit },
  html: { write: writeHtml },
} as const satisfies Record<string, { write(page: ComparisonPage): string }>

/** The id of a format. */
export type ComparisonFormatId = keyof typeof comparisonFormats

/** The columns that fit a terminal of 80 characters. */
const terminalColumns = [0, 2, 3, 4, 7, 8, 10, 1]

function writeText({ comparison, margin }: ComparisonPage): string {
  const pick = (cells: readonly string[]): string[] => terminalColumns.map((at) => cells[at]!)
  const sections = comparison.entries.map((entry) => {
    const heads = ['', 'Base', 'Head', 'Change', 'Held', 'Broken', 'p', 'Verdict']
    const rows = entry.measures.map((one) => pick(comparisonRow(one)).map(oneLine))
    const table = plainTable(heads, rows, {
      alignments: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    })
    return [
      oneLine(entryTitle(entry)),
      '',
      table,
      ...exampleLines(entry).map((line) => wrapText(line)),
    ].join('\n')
  })
  return `${[
    ...sections,
    wrapText(comparisonNote),
    ...comparison.notes.map((note) => wrapText(oneLine(note))),
    wrapText(`${verdictText(comparison)} ${gateText(comparison, margin)}`.trim()),
  ].join('\n\n')}\n`
}

function exampleLines({ measures }: ComparedEntry): string[] {
  const last = measures.at(-1)
  if (!last) return []
  return [
    ...exampleLine(`newly broken (${last.name})`, last.newlyBroken),
    ...exampleLine(`newly held (${last.name})`, last.newlyHeld),
  ]
}

function exampleLine(what: string, examples: readonly number[]): string[] {
  if (examples.length === 0) return []
  const more = examples.length > listed ? `, and ${examples.length - listed} more` : ''
  return [`${what}: ${examples.slice(0, listed).join(', ')}${more}`]
}

function gateText({ entries }: Comparison, margin: number): string {
  const found = entries.flatMap((entry) =>
    entry.measures
      .filter((one) => isRegression(one, margin))
      .map((one) => `${entry.defense}, ${one.name}: ${signed(one.difference)}`),
  )
  return found.length === 0 ? '' : `Regressions: ${found.map(oneLine).join('; ')}.`
}

function writeMarkdown({ comparison, margin }: ComparisonPage): string {
  const sections = comparison.entries.map((entry) => {
    const rule = comparisonHeads.map((_, at) => (at < 2 ? '---' : '---:'))
    const rows = [comparisonHeads, rule, ...entry.measures.map(comparisonRow)]
    const lines = rows.map(
      (cells, at) => `| ${cells.map(at === 1 ? String : markdownText).join(' | ')} |`,
    )
    const examples = exampleLines(entry).map((line) => `- ${markdownText(line)}`)
    return [`#### ${markdownText(entryTitle(entry))}`, lines.join('\n'), examples.join('\n')]
      .filter(Boolean)
      .join('\n\n')
  })
  return `${[
    `### robench: ${verdictText(comparison)}`,
    ...[gateText(comparison, margin)].filter(Boolean).map(markdownText),
    ...sections,
    ...comparison.notes.map(markdownText),
    `<sub>${comparisonNote}</sub>`,
  ].join('\n\n')}\n`
}

function writeJson({ comparison, margin }: ComparisonPage): string {
  const entries = comparison.entries.map((entry) => ({
    ...entry,
    measures: entry.measures.map((one) => ({ ...one, regression: isRegression(one, margin) })),
  }))
  return `${jsonText({ ...comparison, margin, entries })}\n`
}

/** One test case per measure; a regression is a failure. */
function writeJunit({ comparison, margin }: ComparisonPage): string {
  const suites = comparison.entries.map((entry) => {
    const failures = entry.measures.filter((one) => isRegression(one, margin)).length
    const cases = entry.measures.map((one) => {
      const name = `<testcase classname="${xml(entry.defense)}" name="${xml(one.name)}"`
      if (!isRegression(one, margin)) return `    ${name}/>`
      const { interval, difference, newlyBroken } = one
      const text =
        `${signed(difference)} points (${signed(interval.low)} to ${signed(interval.high)}), ` +
        `newly broken: ${newlyBroken.slice(0, listed).join(', ')}`
      return `    ${name}>\n      <failure message="worse">${xml(text)}</failure>\n    </testcase>`
    })
    const count = `tests="${entry.measures.length}" failures="${failures}"`
    return `  <testsuite name="${xml(entryTitle(entry))}" ${count}>\n${cases.join('\n')}\n  </testsuite>`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="robench compare">\n${suites.join('\n')}\n</testsuites>\n`
}

function xml(text: string): string {
  return oneLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

function writeHtml({ comparison, margin, pictures }: ComparisonPage): string {
  const environment = templateEnvironment(join(packageRoot(), 'reports', 'templates'))
  const entries = comparison.entries.map((entry, index) => ({
    id: `entry-${index + 1}`,
    title: entryTitle(entry),
    rows: entry.measures.map((one) => ({
      cells: comparisonRow(one),
      verdict: one.verdict,
      isRegression: isRegression(one, margin),
    })),
    // The worst case first: it counts most.
    galleries: entry.measures.toReversed().flatMap((one) => {
      const found = pictures?.get(one)
      const groups = [
        { title: `${one.name}: newly broken`, all: one.newlyBroken, shown: found?.broken ?? [] },
        { title: `${one.name}: newly held`, all: one.newlyHeld, shown: found?.held ?? [] },
      ]
      return groups.filter(({ all }) => all.length > 0)
    }),
  }))
  return environment.render('compare.html.njk', {
    comparison,
    heads: comparisonHeads,
    entries,
    verdict: verdictText(comparison),
    gate: gateText(comparison, margin),
    note: comparisonNote,
  })
}
