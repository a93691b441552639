/** Rules for entries that need neither plugins nor models. */
import { packageVersion } from '../core/base/package-version.ts'
import { outcomeChecks } from '../core/bench/checks/outcome-checks.ts'
import { probes } from '../core/bench/checks/probes.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import type { LoadedSuite } from '../core/bench/suite/load.ts'
import { isAdversarial } from '../core/threat/transforms/table.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import { isDescribed, publicRules } from './known-datasets.ts'
import type { BoardRules } from './known-datasets.ts'
import { referenceObjection } from './reference-set.ts'
import { statementObjections } from './statement-rules.ts'
import { suiteDisagreements } from './suite-agreement.ts'
import { hiddenCharacters, linkObjection } from './text-rules.ts'

/** A clock may be ahead by that much. */
const clockToleranceMs = 24 * 3600 * 1000

/** What the rules object to, each with its position. */
export function offlineObjections(
  entry: LeaderboardEntry,
  rules: BoardRules = publicRules,
): string[] {
  const reference = referenceObjection(entry, () => true)
  return [
    ...hiddenCharacters(entry),
    ...Object.entries(entry.links).flatMap(([name, link]) => {
      const objection = linkObjection(link ?? '')
      return objection === undefined ? [] : [`/links/${name}: ${objection}, got ${link}`]
    }),
    ...datasetObjections(entry, rules),
    ...checkObjections(entry),
    ...(reference === undefined ? [] : [reference]),
    ...runObjections(entry, rules),
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

function runObjections(entry: LeaderboardEntry, { isPrivate }: BoardRules): string[] {
  const { run, dataset } = entry
  const found: string[] = []
  if (isNewer(run.robenchVersion, packageVersion())) {
    found.push(
      `/run/robenchVersion: ${run.robenchVersion} is newer than this robench, ${packageVersion()}`,
    )
  }
  const finished = Date.parse(run.finishedAt)
  if (Number.isNaN(finished) || finished > new Date().getTime() + clockToleranceMs) {
    found.push(`/run/finishedAt: must be a time in the past, got ${run.finishedAt}`)
  }
  if (run.packages[0]?.name !== 'robench') found.push('/run/packages: must begin with robench')
  const suite = suiteOf(run.suite.content)
  if (typeof suite === 'string') return [...found, `/run/suite/content: ${suite}`]
  const { content } = { content: suite.suite }
  if (suite.sha256 !== run.suite.sha256) {
    found.push(`/run/suite/sha256: the content has ${suite.sha256}, got ${run.suite.sha256}`)
  }
  // A described data set is named by the path of its description.
  const isOwn = isPrivate && content.dataset.path !== undefined
  if (content.dataset.id !== dataset.id && !isOwn) {
    found.push(`/run/suite/content: the data set is "${content.dataset.id}", not "${dataset.id}"`)
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

/** Whether a version is newer. Anything but `1.2.3`, with an appendix or not, is. */
export function isNewer(version: string, than: string): boolean {
  const numbers = (text: string): number[] =>
    (/^(\d+)\.(\d+)\.(\d+)([-+].*)?$/.exec(text) ?? []).slice(1, 4).map(Number)
  const [own, other] = [numbers(version), numbers(than)]
  if (own.length < 3) return true
  const at = own.findIndex((part, place) => part !== other[place])
  return at >= 0 && own[at]! > other[at]!
}
