/** Makes text from files safe to print to a terminal. */

/** Replaces control characters, except line feeds, with spaces: text must not move the cursor. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- removes control characters
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, ' ')
}

/** `printable` on one line. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ')
}
