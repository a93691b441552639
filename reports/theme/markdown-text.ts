/** Text from results in Markdown. */
import { oneLine } from './printable.ts'

/** A text on one line, without the bars and markup that names from results may hold. */
export function markdownText(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\|*_`[\]]/g, String.raw`\$&`)
    .replaceAll('<', '&lt;')
}
