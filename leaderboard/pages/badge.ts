/** The badge of an entry as SVG: its robust accuracy, for other pages. */
import { percentDigits } from '../../reports/theme/figures.ts'
import { threatModelText } from '../../reports/theme/threat-text.ts'
import type { RankedEntry } from '../ranking.ts'

const height = 20
/** Width of a character in the badge's font, in pixels, which `textLength` enforces. */
const characterWidth = 6.6
const padding = 7

/**
 * The badge: `robust accuracy L∞ ≤ 8/255 | 39.61 %`. All text is escaped. Of a supplement, whose
 * attacks alone say little, it has the best known accuracy of the model.
 */
export function badgeText({ entry, worstCase, bestKnown, supplementTo }: RankedEntry): string {
  const threat = threatModelText(entry.threatModel)
  const name = `${supplementTo ? 'best known ' : ''}robust accuracy, ${threat}`
  const value = `${percentDigits((supplementTo ? bestKnown : worstCase).fraction)} %`
  const [left, right] = [name, value].map((text) => [...text].length * characterWidth + 2 * padding)
  const width = left! + right!
  const text = (content: string, x: number, size: number): string =>
    `<text x="${x.toFixed(1)}" y="14" textLength="${(size - 2 * padding).toFixed(1)}">` +
    `${escapeXml(content)}</text>`
  const title = `${entry.title}: ${name}, ${value}`
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width.toFixed(1)}" height="${height}" ` +
    `role="img" aria-label="${escapeXml(title)}">` +
    `<title>${escapeXml(title)}</title>` +
    `<rect width="${width.toFixed(1)}" height="${height}" rx="3" fill="#3a3f47"/>` +
    `<path d="M${left!.toFixed(1)} 0H${(width - 3).toFixed(1)}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3` +
    `H${left!.toFixed(1)}z" fill="#12766f"/>` +
    `<g fill="#ffffff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">` +
    `${text(name, padding, left!)}${text(value, left! + padding, right!)}</g></svg>\n`
  )
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Escapes text for XML, in elements and in attributes. Characters that XML does not permit become
 * spaces.
 */
export function escapeXml(text: string): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- XML permits no control characters
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, ' ')
      .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
  )
}
