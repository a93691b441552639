/** Reads and checks `<id>.examples.json`, the file beside an entry with classes and pictures. */
import { existsSync } from 'node:fs'
import { ConfigError } from '../../core/base/errors.ts'
import { parseJsonText } from '../../core/base/json-file.ts'
import { readText } from '../../core/base/read-file.ts'
import { compileSchema, refuseProblems } from '../../core/base/schema.ts'
import { worstCaseOutcomes } from '../../core/bench/metrics/accuracy.ts'
import { hashEntry } from '../entry-check.ts'
import { entryOutcomes } from '../entry-outcomes.ts'
import type { LeaderboardEntry } from '../entry-type.ts'
import { knownDataset } from '../known-datasets.ts'
import { disguises } from '../text-rules.ts'
import { examplesSchema } from './examples-schema.ts'
import type { EntryExamples, ExamplePicture } from './examples-schema.ts'
import { imageProblem } from './picture-rules.ts'

/** Ending of the file beside an entry. */
export const examplesEnding = '.examples.json'

/** Largest file: 48 examples of four pictures fit. */
const mostFileBytes = 2 ** 27

/** Path of the file. @param file of the entry */
export function examplesFileOf(file: string): string {
  return `${file.slice(0, -'.json'.length)}${examplesEnding}`
}

/**
 * The file of an entry, if there is one.
 * @param file of the entry
 * @throws ConfigError ROBENCH_DATA if it is malformed, about another entry, or disagrees with the
 * outcomes of the entry
 */
export function readExamples(file: string, entry: LeaderboardEntry): EntryExamples | undefined {
  const path = examplesFileOf(file)
  if (!existsSync(path)) return undefined
  const text = readText(path, { code: 'ROBENCH_DATA', mostBytes: mostFileBytes })
  return checkExamples(parseJsonText(text, path), entry, path)
}

/** Checks the content of such a file. @throws ConfigError ROBENCH_DATA */
export function checkExamples(
  document: unknown,
  entry: LeaderboardEntry,
  label: string,
): EntryExamples {
  const { value, problems } = compileSchema(examplesSchema)(document)
  refuseProblems(problems, `${label}#`, 'ROBENCH_DATA')
  // The schema has been checked.
  const examples = value as EntryExamples
  const found = [
    ...disguises(examples.classes, '/classes'),
    ...classObjections(examples, entry),
    ...confusionObjections(examples),
    ...pictureObjections(examples, entry),
  ]
  if (examples.entry !== hashEntry(entry)) {
    found.unshift('/entry: is about another version of the entry; add it again, or delete the file')
  }
  if (found.length === 0) return examples
  throw new ConfigError('ROBENCH_DATA', found.map((text) => `${label}#${text}`).join('\n'))
}

function classObjections({ classes }: EntryExamples, entry: LeaderboardEntry): string[] {
  const found: string[] = []
  const { dataset, clean, worstCase } = entry
  const expected = knownDataset(dataset.id)?.classes
  if (expected !== undefined && classes.length !== expected) {
    found.push(`/classes: must have ${expected} classes, as "${dataset.id}"; got ${classes.length}`)
  }
  const names = knownDataset(dataset.id)?.classNames
  classes.forEach(({ name }, at) => {
    const known = names?.[at]
    if (known !== undefined && name !== known) {
      found.push(`/classes/${at}/name: must be ${known}, as in "${dataset.id}"; got ${name}`)
    }
  })
  const sum = (pick: (one: (typeof classes)[number]) => number): number =>
    classes.reduce((total, one) => total + pick(one), 0)
  const sums = [
    ['total', sum(({ total }) => total), dataset.examples],
    ['correct', sum(({ correct }) => correct), clean.correct],
    ['robust', sum(({ robust }) => robust), worstCase.robust],
  ] as const
  for (const [name, got, wanted] of sums) {
    if (got !== wanted) found.push(`/classes: "${name}" must sum to ${wanted}, got ${got}`)
  }
  classes.forEach(({ total, correct, robust }, at) => {
    if (robust <= correct && correct <= total) return
    found.push(`/classes/${at}: must have robust ≤ correct ≤ total`)
  })
  return found
}

function confusionObjections({ classes, confusion }: EntryExamples): string[] {
  if (!confusion) return []
  if (confusion.length !== classes.length) {
    return [`/confusion: must have ${classes.length} rows, got ${confusion.length}`]
  }
  return confusion.flatMap((row, at) => {
    const { total, robust } = classes[at]!
    const place = `/confusion/${at}`
    if (row.length !== classes.length) return [`${place}: must have ${classes.length} counts`]
    const sum = row.reduce((all, one) => all + one, 0)
    if (sum !== total) return [`${place}: must sum to ${total}, got ${sum}`]
    return row[at] === robust ? [] : [`${place}/${at}: must be ${robust}, got ${row[at]}`]
  })
}

function pictureObjections(examples: EntryExamples, entry: LeaderboardEntry): string[] {
  const { pictures = [], adversarials } = examples
  if (pictures.length === 0) return []
  const found: string[] = []
  if (adversarials === undefined || adversarials !== entry.evidence.adversarials) {
    found.push('/adversarials: must be evidence.adversarials of the entry')
  }
  const outcomes = entryOutcomes(entry)
  const worst = worstCaseOutcomes(outcomes) ?? ''
  const size = knownDataset(entry.dataset.id)?.size
  const seen = new Set<number>()
  pictures.forEach((picture, at) => {
    const place = `/pictures/${at}`
    const index = entry.attacks.findIndex(({ name }) => name === picture.attack)
    if (index < 0) {
      found.push(`${place}/attack: the entry has no attack "${picture.attack}"`)
      return
    }
    const own = picture.state === 'held' ? worst : outcomes[index]!
    const wanted = picture.state === 'held' ? 'r' : 'b'
    if (own[picture.example] !== wanted) {
      found.push(`${place}/state: example ${picture.example} is not ${picture.state}`)
    }
    if (seen.has(picture.example)) found.push(`${place}/example: is shown twice`)
    seen.add(picture.example)
    const problem =
      predictionProblem(picture, examples.classes.length) ??
      imageProblem(picture, entry.threatModel, size)
    if (problem !== undefined) found.push(`${place}${problem}`)
  })
  return found
}

function predictionProblem(
  { label, state, clean, adversarial }: ExamplePicture,
  classes: number,
): string | undefined {
  if (Math.max(label, clean.class, adversarial.class) >= classes) {
    return `: must name classes below ${classes}`
  }
  if (clean.class !== label) return '/clean/class: must be the label: the example is correct'
  const isFooled = adversarial.class !== label
  if (isFooled !== (state === 'fooled')) return `/adversarial/class: must fit the state "${state}"`
  if (clean.margin < 0) return '/clean/margin: must not be negative: the example is correct'
  // Ties are correct if the label is the first class.
  const fits = isFooled ? adversarial.margin <= 0 : adversarial.margin >= 0
  return fits ? undefined : `/adversarial/margin: must fit the state "${state}"`
}
