/** Makes text from files safe to print to a terminal. */

/**
 * Characters that reorder what is read, or that do not show: marks, embeddings, overrides, and
 * isolates of directions, zero-width spaces, soft hyphens, fillers, separators of lines, and tags.
 */
const deceptive = new RegExp(
  [
    '[\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164]',
    '[\\ufeff\\uffa0\\ufff0-\\ufffb]',
    '\\u034f',
    '\\udb40[\\udc00-\\udc7f]',
  ].join('|'),
  'g',
)

/**
 * Replaces control characters, except line feeds, with spaces, because text must not move the
 * cursor, and bidirectional and invisible characters with their escapes: `\u202e`.
 */
export function printable(text: string): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- removes control characters
      .replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, ' ')
      .replaceAll(deceptive, escaped)
  )
}

/**
 * A value as indented JSON for a terminal, a pipe, or a report. In its texts, control characters and
 * those that reorder or hide text are escaped, which JSON permits: a program reads the same value.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
    .replaceAll(/[\u007f-\u009f]/g, escaped)
    .replaceAll(deceptive, escaped)
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
