/** Messages on a terminal: long lines are wrapped between words. */
import { wrapText } from '../core/base/wrap.ts'

/** Characters of a line that are still easy to read. */
const widest = 100

/** A text in lines that fit the terminal; unchanged where the stream is none, as in a log. */
export function forTerminal(
  text: string,
  stream: { readonly isTTY?: boolean; readonly columns?: number },
): string {
  if (!stream.isTTY) return text
  // The last column stays free: some terminals wrap a full line.
  return wrapText(text, Math.min(widest, (stream.columns || 80) - 1), '  ')
}
