/**
 * Earlier states of an entry: `<id>.history.json` beside it, written by `leaderboard add --replace`.
 */
import { existsSync } from 'node:fs'
import type { FromSchema } from 'json-schema-to-ts'
import { ConfigError } from '../core/base/errors.ts'
import { sha256Schema as sha256 } from '../core/base/hash.ts'
import { parseJsonText } from '../core/base/json-file.ts'
import { packageVersion } from '../core/base/package-version.ts'
import { readText } from '../core/base/read-file.ts'
import { compileSchema, refuseProblems } from '../core/base/schema.ts'
import { hashEntry } from './entry-check.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import { isMoment, isNewer } from './run-rules.ts'
import { textObjections } from './statement-rules.ts'
import { disguises } from './text-rules.ts'

const count = { type: 'integer', minimum: 0 } as const
/** Earlier states that are kept, the latest ones. */
const mostStates = 100

const historySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['schemaVersion', 'earlier'],
  properties: {
    schemaVersion: { const: 1 },
    earlier: {
      type: 'array',
      minItems: 1,
      maxItems: mostStates,
      description: 'the latest first',
      items: {
        type: 'object',
        additionalProperties: false,
        required: [
          'entry',
          'title',
          'finishedAt',
          'robenchVersion',
          'defenseVersion',
          'model',
          'examples',
          'correct',
          'robust',
        ],
        properties: {
          entry: { ...sha256, description: 'sha256 of the entry as canonical JSON' },
          title: { type: 'string', minLength: 1, maxLength: 200 },
          finishedAt: { type: 'string', maxLength: 40 },
          robenchVersion: { type: 'string', pattern: String.raw`^\d+\.\d+\.\d+` },
          defenseVersion: { ...count, minimum: 1 },
          model: { ...sha256, description: 'of the model file' },
          examples: { ...count, minimum: 1 },
          correct: { ...count, description: 'without an attack' },
          robust: { ...count, description: 'under all attacks of that state' },
        },
      },
    },
  },
} as const

/** The earlier states of an entry. */
export type EntryHistory = FromSchema<typeof historySchema>

/** What is kept of one state. */
export type EarlierState = EntryHistory['earlier'][number]

/** Ending of the file beside an entry. */
export const historyEnding = '.history.json'

/** Path of the file. @param file of the entry */
export function historyFileOf(file: string): string {
  return `${file.slice(0, -'.json'.length)}${historyEnding}`
}

/**
 * The history of an entry that replaces another one.
 * @param replaced the entry before; the same entry again changes nothing
 * @param history of the entry before
 */
export function extendHistory(
  entry: LeaderboardEntry,
  replaced: LeaderboardEntry,
  history: EntryHistory | undefined,
): EntryHistory | undefined {
  if (hashEntry(entry) === hashEntry(replaced)) return history
  const earlier = [stateOf(replaced), ...(history?.earlier ?? [])].slice(0, mostStates)
  return { schemaVersion: 1, earlier }
}

function stateOf(entry: LeaderboardEntry): EarlierState {
  return {
    entry: hashEntry(entry),
    title: entry.title,
    finishedAt: entry.run.finishedAt,
    robenchVersion: entry.run.robenchVersion,
    defenseVersion: entry.defense.version,
    model: entry.model.sha256,
    examples: entry.dataset.examples,
    correct: entry.clean.correct,
    robust: entry.worstCase.robust,
  }
}

/**
 * The history of an entry, if it has one.
 * @param file of the entry
 * @throws ConfigError ROBENCH_DATA if it is malformed, or cannot be that of the entry
 */
export function readHistory(file: string, entry: LeaderboardEntry): EntryHistory | undefined {
  const path = historyFileOf(file)
  if (!existsSync(path)) return undefined
  const text = readText(path, { code: 'ROBENCH_DATA', mostBytes: 2 ** 20 })
  return checkHistory(parseJsonText(text, path), entry, path)
}

/** Checks the content of such a file. @throws ConfigError ROBENCH_DATA */
export function checkHistory(
  document: unknown,
  entry: LeaderboardEntry,
  label: string,
): EntryHistory {
  const { value, problems } = compileSchema(historySchema)(document)
  refuseProblems(problems, `${label}#`, 'ROBENCH_DATA')
  // The schema has been checked.
  const history = value as EntryHistory
  const found = [...disguises(history.earlier, '/earlier'), ...objections(history, entry)]
  if (found.length === 0) return history
  throw new ConfigError('ROBENCH_DATA', found.map((text) => `${label}#${text}`).join('\n'))
}

function objections({ earlier }: EntryHistory, entry: LeaderboardEntry): string[] {
  const found: string[] = []
  const hashes = new Set([hashEntry(entry)])
  earlier.forEach((state, at) => {
    const place = `/earlier/${at}`
    if (hashes.has(state.entry))
      found.push(`${place}/entry: is there twice, or is the entry itself`)
    hashes.add(state.entry)
    found.push(...textObjections(state.title, `${place}/title`, 200))
    if (isNewer(state.robenchVersion, packageVersion())) {
      found.push(`${place}/robenchVersion: ${state.robenchVersion} is newer than this robench`)
    }
    if (!isMoment(state.finishedAt) || Date.parse(state.finishedAt) > new Date().getTime()) {
      found.push(`${place}/finishedAt: must be a time in the past, got ${state.finishedAt}`)
    }
    if (state.examples !== entry.dataset.examples) {
      found.push(`${place}/examples: must be ${entry.dataset.examples}, got ${state.examples}`)
    }
    if (!(state.robust <= state.correct && state.correct <= state.examples)) {
      found.push(`${place}: must have robust ≤ correct ≤ examples`)
    }
  })
  return found
}
