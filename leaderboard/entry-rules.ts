/** Rules for entries that need neither plugins nor models. */
import { outcomeChecks } from '../core/bench/checks/outcome-checks.ts'
import { probes } from '../core/bench/checks/probes.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import type { LoadedSuite } from '../core/bench/suite/load.ts'
import { isAdversarial } from '../core/threat/transforms/table.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import { contradictions } from './contradictions.ts'
import { isDescribed, publicRules } from './known-datasets.ts'
import type { BoardRules } from './known-datasets.ts'
import { diagnosticObjections } from './reference-set.ts'
import { runObjections } from './run-rules.ts'
import { statementObjections } from './statement-rules.ts'
import { suiteDisagreements } from './suite-agreement.ts'
import { disguises, linkObjection } from './text-rules.ts'

/** What the rules object to, each with its position. */
export function offlineObjections(
  entry: LeaderboardEntry,
  rules: BoardRules = publicRules,
): string[] {
  return [
    ...disguises(entry),
    ...Object.entries(entry.links).flatMap(([name, link]) => {
      const objection = linkObjection(link ?? '')
      return objection === undefined ? [] : [`/links/${name}: ${objection}, got ${link}`]
    }),
    ...datasetObjections(entry, rules),
    ...checkObjections(entry),
    ...diagnosticObjections(entry),
    ...suiteObjections(entry, rules),
    ...contradictions(entry),
    ...statementObjections(entry),
  ]
}

function datasetObjections(
  { dataset: { id, title, examples, sha256 } }: LeaderboardEntry,
  { isPrivate, datasetOf }: BoardRules,
): string[] {
  const known = datasetOf(id)
  if (!known && !isPrivate) {
    return [`/dataset/id: "${id}" is not a published data set, so it is not ranked`]
  }
  if (!known) {
    return isDescribed(id)
      ? []
      : [`/dataset/id: "${id}" is neither published nor described; write a description of it`]
  }
  return [
    ...(known.sha256 === undefined && !isPrivate
      ? [
          `/dataset/sha256: this robench does not list the hash of "${id}", so nothing shows that ` +
            'the entry is about it; it is not ranked',
        ]
      : []),
    ...(examples === known.examples
      ? []
      : [`/dataset/examples: "${id}" has ${known.examples} examples, got ${examples}`]),
    ...(known.title === undefined || title === known.title
      ? []
      : [`/dataset/title: "${id}" is ${known.title}, got ${title}`]),
    ...(known.sha256 === undefined || sha256 === known.sha256
      ? []
      : [`/dataset/sha256: "${id}" has ${known.sha256}, got ${sha256}`]),
  ]
}

function checkObjections({ checks, threatModel }: LeaderboardEntry): string[] {
  const documented = [...probes, ...outcomeChecks]
  const stated = new Map(checks.map((check, index) => [check.id, { ...check, index }]))
  const applies = isAdversarial(threatModel) && threatModel.epsilon > 0
  return [
    ...documented.flatMap(({ id, mayLack }) => {
      const check = stated.get(id)
      if (!check) return mayLack ? [] : [`/checks: "${id}" is missing`]
      const place = `/checks/${check.index}`
      if (check.verdict === 'not-made') return [`${place}: "${id}" was not made`]
      return check.verdict === 'fail' ? [`${place}: "${id}" failed: ${check.evidence}`] : []
    }),
    ...checks.flatMap(({ id }, index) => [
      ...(documented.some((known) => known.id === id)
        ? []
        : [`/checks/${index}/id: "${id}" is no check of this robench`]),
      ...(stated.get(id)!.index === index ? [] : [`/checks/${index}: "${id}" is repeated`]),
    ]),
    ...(applies && !checks.some(({ verdict }) => verdict === 'pass')
      ? ['/checks: at least one must pass']
      : []),
  ]
}

function suiteObjections(entry: LeaderboardEntry, { isPrivate }: BoardRules): string[] {
  const { run, dataset } = entry
  const suite = suiteOf(run.suite.content)
  if (typeof suite === 'string') return [`/run/suite/content: ${suite}`]
  const content = suite.suite
  const found = runObjections(entry, content)
  if (suite.sha256 !== run.suite.sha256) {
    found.push(`/run/suite/sha256: the content has ${suite.sha256}, got ${run.suite.sha256}`)
  }
  // A described data set is named by the path of its description.
  const isOwn = isPrivate && content.dataset.path !== undefined
  if (content.dataset.id !== dataset.id && !isOwn) {
    const other =
      content.dataset.id === undefined
        ? 'the data set is your own; add the entry to a private board, with --private'
        : `the data set is "${content.dataset.id}", not "${dataset.id}"`
    found.push(`/run/suite/content: ${other}`)
  }
  if (content.limit !== undefined && content.limit < dataset.examples) {
    found.push(`/run/suite/content: uses only the first ${content.limit} examples (limit)`)
  }
  if (content.sample) found.push('/run/suite/content: uses a sample of the examples (sample)')
  if (content.checks === false) found.push('/run/suite/content: skips the probes (checks: false)')
  found.push(...suiteDisagreements(entry, content))
  return found
}

function suiteOf(content: unknown): LoadedSuite | string {
  try {
    return checkSuite(structuredClone(content), 'suite', '.')
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
