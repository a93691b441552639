/** Makes text from files safe to print to a terminal. */

/**
 * Characters that reorder what is read, or that do not show: marks, embeddings, overrides, and
 * isolates of directions, zero-width spaces, and separators of lines.
 */
const deceptive = /[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

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

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** `printable` on one line. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ')
}
