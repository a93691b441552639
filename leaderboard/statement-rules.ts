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

/** A call of robench as `commandLine` writes it: a shell runs nothing beside it. */
const plainCommand = /^(?:npx )?robench(?: (?:[\w./:=,@%+-]+|(?:'[^'\n]*'|\\')+))*$/

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
    found.push('/run/command: must be a call of robench, without characters of a shell')
  }
  return found
}

/** Letters of other alphabets that look like Latin ones, in a word with Latin letters. */
const mixedWord =
  /\p{Script=Latin}[\p{L}\p{M}]*[\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Cherokee}ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο]|[\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Cherokee}ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο][\p{L}\p{M}]*\p{Script=Latin}/u

/**
 * Letters and digits of other forms that look like ASCII ones: mathematical, fullwidth, and enclosed.
 */
const disguised = /[\u{1D400}-\u{1D7FF}\uFF01-\uFF5E\u{1F130}-\u{1F189}\u24B6-\u24E9]/u

/** Words of other alphabets that consist of letters like Latin ones. */
const lookalike =
  /(?<!\p{L})(?:[АВЕЅІЈКМНОРСТУХавеѕіјкмнорстух]{2,}|[ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο]{2,})(?!\p{L})/u

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
  const mixed = mixedWord.exec(text)?.[0]
  if (mixed !== undefined) found.push(`${place}: "${mixed}" mixes letters of two alphabets`)
  const forms = disguised.exec(text)?.[0]
  if (forms !== undefined) found.push(`${place}: "${forms}" is not the plain form of its letter`)
  const seeming = lookalike.exec(text)?.[0]
  if (seeming !== undefined)
    found.push(`${place}: "${seeming}" looks like Latin letters, but is not`)
  if (text.normalize('NFC') !== text) found.push(`${place}: must be composed (Unicode NFC)`)
  return found
}
