/** Text from a file made fit for the terminal. */

/** Without control characters but line breaks: names from a file must not move the cursor. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, ' ')
}

/** Printable, and without line breaks. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ')
}
