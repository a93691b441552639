/** Makes text from files safe to print to a terminal. */
import { invisible } from '../../core/base/visible-text.ts'

/**
 * Characters that reorder what is read, or that do not show. Joiners and selectors of variants
 * stay, which Arabic, Indic scripts, and emoji need.
 */
const deceptive = new RegExp(`(?![\\u200c\\u200d\\ufe0e\\ufe0f])[${invisible}]`, 'gu')

/** All but line feeds and the characters of ASCII that show. A search for these is fast. */
const unusual = /[^\n -~]+/g

/**
 * Replaces control characters, except line feeds, with spaces, because text must not move the
 * cursor, and bidirectional and invisible characters with their escapes: `\u202e`.
 */
export function printable(text: string): string {
  return text.replaceAll(unusual, (run) =>
    run
      // oxlint-disable-next-line no-control-regex -- removes control characters
      .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
      .replaceAll(deceptive, escaped),
  )
}

/**
 * A value as indented JSON for a terminal, a pipe, or a report. In its texts, control characters and
 * those that reorder or hide text are escaped, which JSON permits: a program reads the same value.
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2)
  return text.replaceAll(unusual, (run) => run.replaceAll(deceptive, escaped))
}

/** By code unit, as JSON has it. */
function escaped(characters: string): string {
  return Array.from(
    { length: characters.length },
    (_, place) => `\\u${characters.charCodeAt(place).toString(16).padStart(4, '0')}`,
  ).join('')
}

/** A copy of plain data in which every text is `printable`; its keys stay. */
export function printableTexts<T>(value: T): T {
  if (typeof value === 'string') return printable(value) as T
  if (Array.isArray(value)) return value.map(printableTexts) as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, each]) => [key, printableTexts(each)])
  return Object.fromEntries(entries) as T
}

/** `printable` on one line. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ')
}
