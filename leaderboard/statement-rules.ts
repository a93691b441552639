/** What texts and numbers of an entry may say that nothing can recompute. */
import type { LeaderboardEntry } from './entry-type.ts'

/** Most characters of the texts of an entry. */
const longest = {
  title: 200,
  venue: 200,
  architecture: 200,
  extraData: 500,
  citation: 5000,
} as const

/** Most authors, and most characters of a name. */
const mostAuthors = 200

/** Most characters of a training card as JSON. */
const longestCard = 1_000_000

/** Most characters of the evidence of a check, and of a link. */
const longestEvidence = 2000
const longestLink = 2000

/** Endings of the files beside entries, which an id must not imitate. */
const besideEntries = /\.(check|examples|history)$/

/** A call of `robench run` or `merge` as `commandLine` writes it. A shell runs nothing else. */
const plainCommand = /^(?:npx )?robench (?:run|merge)(?: (?:[\w./:=,@%+-]+|(?:'[^'\n]*'|\\')+))*$/

/** Options with which a result is not ranked. */
const unranked = /(?<=\s)'?--(?:limit|sample|no-checks)(?![\w-])/

/** Most characters of a command. */
const longestCommand = 2000

/** Parameters per byte of a model file: more than two bits each. */
const mostPerByte = 4

/** What the rules object to, each with its position. */
export function statementObjections(entry: LeaderboardEntry): string[] {
  const { authors, run, model, year, training, dataset } = entry
  const found: string[] = []
  for (const [name, most] of Object.entries(longest)) {
    const text: unknown = Reflect.get(entry, name)
    if (typeof text === 'string') found.push(...textObjections(text, `/${name}`, most))
  }
  if (authors.length > mostAuthors) found.push(`/authors: must be at most ${mostAuthors}`)
  authors.slice(0, mostAuthors).forEach((author, at) => {
    found.push(...textObjections(author, `/authors/${at}`, longest.title))
  })
  found.push(...textObjections(dataset.title, '/dataset/title', longest.title))
  const now = new Date().getUTCFullYear()
  if (year !== undefined && year > now + 1) found.push(`/year: must be at most ${now + 1}`)
  if (besideEntries.test(entry.id)) {
    found.push('/id: must not end with .check, .examples, or .history, as files beside entries do')
  }
  entry.checks.forEach(({ evidence }, at) => {
    if (evidence.length <= longestEvidence) return
    found.push(`/checks/${at}/evidence: must have at most ${longestEvidence} characters`)
  })
  for (const [name, link = ''] of Object.entries(entry.links)) {
    if (link.length <= longestLink) continue
    found.push(`/links/${name}: must have at most ${longestLink} characters`)
  }
  if (entry.citation !== undefined && !isOneRecord(entry.citation)) {
    found.push('/citation: must be one BibTeX entry, with as many closing braces as opening ones')
  }
  if (model.parameters < 1) found.push('/model/parameters: must be at least 1')
  if (model.parameters > mostPerByte * model.bytes) {
    found.push(`/model: ${model.parameters} parameters do not fit into ${model.bytes} bytes`)
  }
  if (training && JSON.stringify(training).length > longestCard) {
    found.push(`/training: must have at most ${longestCard} characters`)
  }
  if (!plainCommand.test(run.command)) {
    found.push(
      '/run/command: must be a call of robench run or merge, without characters of a shell',
    )
  }
  const option = unranked.exec(run.command)?.[0]
  if (option !== undefined) found.push(`/run/command: has ${option}, so it is not this run`)
  if (run.command.length > longestCommand) {
    found.push(`/run/command: must have at most ${longestCommand} characters`)
  }
  return found
}

/** Whether a text is one BibTeX entry: its first brace closes at its end. */
function isOneRecord(text: string): boolean {
  let depth = 0
  const braces = [...text.matchAll(/(?<!\\)[{}]/g)]
  return braces.every(([brace], at) => {
    depth += brace === '{' ? 1 : -1
    return at === braces.length - 1 ? depth === 0 : depth > 0
  })
}

/**
 * What the rules object to in a text that people read.
 * @param place position of the text
 * @param most characters that it may have
 */
export function textObjections(text: string, place: string, most: number): string[] {
  const found: string[] = []
  if (text.trim() === '') found.push(`${place}: must not be blank`)
  if (text.length > most) found.push(`${place}: must have at most ${most} characters`)
  if (/\p{M}{3}/u.test(text)) found.push(`${place}: has three marks on one letter`)
  if (text.normalize('NFC') !== text) found.push(`${place}: must be composed (Unicode NFC)`)
  return found
}
