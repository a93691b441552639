/** Text in lines of limited width. */

/**
 * Breaks a text between words, its own line feeds kept. A longer word keeps a line of its own.
 * @param width most characters of a line, the indent included
 * @param indent before every line but the first of each paragraph
 */
export function wrapText(text: string, width = 80, indent = ''): string {
  return text
    .split('\n')
    .map((paragraph) => wrapParagraph(paragraph, width, indent))
    .join('\n')
}

function wrapParagraph(text: string, width: number, indent: string): string {
  const [, start = '', rest = ''] = /^( *)(.*)$/s.exec(text) ?? []
  const lines: string[] = []
  for (const word of rest.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined) lines.push(start + word)
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(indent + word)
  }
  return lines.join('\n')
}
