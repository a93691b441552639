/** The record that a sample of an entry was run again: `<id>.check.json` beside the entry. */
import { existsSync } from 'node:fs'
import type { FromSchema } from 'json-schema-to-ts'
import { ConfigError } from '../core/base/errors.ts'
import { hashJson, sha256Schema as sha256 } from '../core/base/hash.ts'
import { parseJsonText } from '../core/base/json-file.ts'
import { packageVersion } from '../core/base/package-version.ts'
import { readText } from '../core/base/read-file.ts'
import { compileSchema, refuseProblems } from '../core/base/schema.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import { isMoment, isNewer } from './run-rules.ts'

/** A clock may be ahead by that much. */
const clockToleranceMs = 24 * 3600 * 1000
/** Of a larger sample, at least so many examples are in every data set. */
const leastSample = 8

const count = { type: 'integer', minimum: 0 } as const
const text = { type: 'string', minLength: 1 } as const

const checkSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['schemaVersion', 'entry', 'checkedAt', 'robenchVersion', 'sample', 'seed', 'outcomes'],
  properties: {
    schemaVersion: { const: 1 },
    entry: { ...sha256, description: 'sha256 of the entry as canonical JSON' },
    checkedAt: text,
    robenchVersion: text,
    sample: { ...count, minimum: 1, description: 'examples per attack' },
    seed: count,
    outcomes: { ...count, minimum: 1, description: 'outcomes that were compared' },
    held: { ...count, description: 'of these, robust ones' },
    checks: { ...count, description: 'reliability checks that were repeated' },
  },
} as const

/** A sample of an entry was run again, and nothing differed. */
export type EntryCheck = FromSchema<typeof checkSchema>

/** `checked`: see `EntryCheck`. `self-reported`: the figures are those that its authors state. */
export type EvidenceStatus = 'checked' | 'self-reported'

/** Ending of the file beside an entry. */
export const checkEnding = '.check.json'

/** Path of the record of an entry. @param file of the entry */
export function checkFileOf(file: string): string {
  return `${file.slice(0, -'.json'.length)}${checkEnding}`
}

/**
 * The record of an entry, if there is one and it is about the entry as it is.
 * @param file of the entry
 * @throws ConfigError ROBENCH_DATA if the record is malformed, or about another entry
 */
export function readEntryCheck(file: string, entry: LeaderboardEntry): EntryCheck | undefined {
  const path = checkFileOf(file)
  if (!existsSync(path)) return undefined
  const { value, problems } = compileSchema(checkSchema)(
    parseJsonText(readText(path, { code: 'ROBENCH_DATA', mostBytes: 2 ** 20 }), path),
  )
  refuseProblems(problems, `${path}#`, 'ROBENCH_DATA')
  // The schema has been checked.
  const check = value as EntryCheck
  if (check.entry === hashEntry(entry)) {
    const found = recordObjections(check, entry)
    if (found.length === 0) return check
    throw new ConfigError('ROBENCH_DATA', found.map((text) => `${path}#${text}`).join('\n'))
  }
  throw new ConfigError(
    'ROBENCH_DATA',
    `${path}: is about another version of the entry; run robench leaderboard check again, or ` +
      'delete it',
  )
}

/** What no check of the entry records, each with its position. */
function recordObjections(check: EntryCheck, { attacks, run }: LeaderboardEntry): string[] {
  const found: string[] = []
  const { checkedAt, robenchVersion, outcomes, held = 0, sample } = check
  const now = new Date().getTime() + clockToleranceMs
  if (!isMoment(checkedAt) || Date.parse(checkedAt) > now || checkedAt < run.finishedAt) {
    found.push(`/checkedAt: must be between the run, ${run.finishedAt}, and now; got ${checkedAt}`)
  }
  if (isNewer(robenchVersion, packageVersion())) {
    found.push(`/robenchVersion: ${robenchVersion} is newer than this robench`)
  }
  // Clean predictions and every attack, on each example of the sample.
  const most = sample * (attacks.length + 1)
  const least = Math.min(sample, leastSample) * (attacks.length + 1)
  if (outcomes > most || outcomes < least) {
    found.push(`/outcomes: must be from ${least} to ${most}, got ${outcomes}`)
  }
  if (held > outcomes) found.push(`/held: must be at most ${outcomes}, got ${held}`)
  return found
}

/** The hash of an entry, as records name it. */
export function hashEntry(entry: LeaderboardEntry): string {
  return hashJson(entry)
}
