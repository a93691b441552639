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

/** What `robench run` records about a machine. */
const environmentKeys = ['node', 'onnxruntime', 'platform', 'cpu', 'device', 'engine', 'workers']

/** A call of robench as `commandLine` writes it: a shell runs nothing beside it. */
const plainCommand = /^(?:npx )?robench(?: (?:[\w./:=,@%+-]+|(?:'[^'\n]*'|\\')+))*$/

/** The year of the first results of robench. */
const firstYear = 2025

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
  if (model.parameters > mostPerByte * model.bytes) {
    found.push(`/model: ${model.parameters} parameters do not fit into ${model.bytes} bytes`)
  }
  if (training && JSON.stringify(training).length > longestCard) {
    found.push(`/training: must have at most ${longestCard} characters`)
  }
  if (new Date(run.finishedAt).getUTCFullYear() < firstYear) {
    found.push(`/run/finishedAt: must be ${firstYear} or later, got ${run.finishedAt}`)
  }
  if (!plainCommand.test(run.command)) {
    found.push('/run/command: must be a call of robench, without characters of a shell')
  }
  for (const key of Object.keys(run.environment)) {
    if (!environmentKeys.includes(key)) {
      found.push(`/run/environment: unknown key "${key}" (accepted: ${environmentKeys.join(', ')})`)
    }
  }
  const names = run.packages.map(({ name }) => name)
  if (new Set(names).size < names.length) found.push('/run/packages: a package is repeated')
  return found
}

/** Letters of other alphabets that look like Latin ones, in a word with Latin letters. */
const mixedWord =
  /\p{Script=Latin}[\p{L}\p{M}]*[\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Cherokee}ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο]|[\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Cherokee}ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο][\p{L}\p{M}]*\p{Script=Latin}/u

function textObjections(text: string, place: string, most: number): string[] {
  const found: string[] = []
  if (text.trim() === '') found.push(`${place}: must not be blank`)
  if (text.length > most) found.push(`${place}: must have at most ${most} characters`)
  if (/\p{M}{3}/u.test(text)) found.push(`${place}: has three marks on one letter`)
  const mixed = mixedWord.exec(text)?.[0]
  if (mixed !== undefined) found.push(`${place}: "${mixed}" mixes letters of two alphabets`)
  return found
}
