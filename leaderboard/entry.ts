/** A leaderboard entry: type and checks. */
import { ConfigError } from '../core/base/errors.ts'
import { parseJsonText } from '../core/base/json-file.ts'
import { readText } from '../core/base/read-file.ts'
import { compileSchema, fewLines } from '../core/base/schema.ts'
import { threatSlug } from '../core/threat/threat-slug.ts'
import { entrySchema } from './entry-schema.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import { publicRules } from './known-datasets.ts'
import type { BoardRules } from './known-datasets.ts'
import { offlineObjections } from './entry-rules.ts'
import { outcomeObjections } from './entry-outcomes.ts'

/**
 * Validates an entry: its schema, that every count follows from its outcomes, and all rules that
 * need neither plugins nor models. `auditEntries` checks what needs plugins.
 * @param label name of the entry in messages
 * @param rules data sets that the board takes; default: published ones
 * @throws ConfigError ROBENCH_DATA with one line per problem
 */
export function checkEntry(
  document: unknown,
  label: string,
  rules: BoardRules = publicRules,
): LeaderboardEntry {
  const { value, problems } = compileSchema(entrySchema)(document)
  const mistakes = problems.map(({ pointer, message }) => `${label}#${pointer}: ${message}`)
  // Valid without problems; otherwise unused.
  const entry = value as LeaderboardEntry
  if (mistakes.length === 0) {
    const objections = [...outcomeObjections(entry), ...offlineObjections(entry, rules)]
    mistakes.push(...objections.map((text) => `${label}#${text}`))
  }
  if (mistakes.length > 0) throw new ConfigError('ROBENCH_DATA', fewLines(mistakes))
  return entry
}

/** Largest entry, in bytes: the outcomes of a data set of a million examples fit. */
const mostEntryBytes = 2 ** 26

/** Reads and validates the file of an entry. @throws ConfigError ROBENCH_DATA */
export function readEntry(file: string, rules: BoardRules = publicRules): LeaderboardEntry {
  const text = readText(file, { code: 'ROBENCH_DATA', mostBytes: mostEntryBytes })
  return checkEntry(parseJsonText(text, file), file, rules)
}

/** The benchmark of an entry, its data set and threat model: `cifar10/linf-8-255`. */
export function benchmarkKey({ dataset, threatModel }: LeaderboardEntry): string {
  return `${dataset.id}/${threatSlug(threatModel)}`
}

/** The path of an entry below the entries directory: `<benchmark>/<id>`, without extension. */
export function entryLocation(entry: LeaderboardEntry): string {
  return `${benchmarkKey(entry)}/${entry.id}`
}
