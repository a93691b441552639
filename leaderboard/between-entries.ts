/** What entries of one board cannot be together. */
import { canonicalJson } from '../core/base/hash.ts'
import { benchmarkKey } from './entry.ts'
import type { LeaderboardEntry } from './entry-type.ts'

/** An entry and its name in messages. */
export interface NamedEntry {
  readonly entry: LeaderboardEntry
  readonly label: string
}

/** The least number of examples of each outcome that makes equal outcomes telling. */
const telling = 50

/**
 * The first contradictions between entries, each with the file.
 * @param entries that `checkEntry` has accepted
 */
export function disagreements(entries: readonly NamedEntry[]): string[] {
  return [...runDisagreements(entries), ...modelDisagreements(entries), ...copiedOutcomes(entries)]
}

/** Entries of one result come from one run. */
function runDisagreements(entries: readonly NamedEntry[]): string[] {
  return repeated(
    entries,
    ({ evidence }) => evidence.result,
    ({ run, evidence }) => canonicalJson([run, evidence.units]),
    (first) => `/evidence/result: is that of ${first}, whose run differs`,
  )
}

/** A file has one size. */
function modelDisagreements(entries: readonly NamedEntry[]): string[] {
  return repeated(
    entries,
    ({ model }) => model.sha256,
    ({ model }) => canonicalJson(model),
    (first) => `/model: has the hash of the model of ${first}, but another size`,
  )
}

/** Different models never have the same outcomes of all examples: one of them is a copy. */
function copiedOutcomes(entries: readonly NamedEntry[]): string[] {
  return repeated(
    entries.filter(({ entry }) => isTelling(entry)),
    (entry) => canonicalJson([benchmarkKey(entry), ...entry.attacks.map(outcomesOf)]),
    ({ model }) => model.sha256,
    (first) =>
      `/attacks: every outcome is that of ${first}, which has another model file; one model has ` +
      'one entry',
  )
}

function outcomesOf({ plugin, seed, outcomes }: LeaderboardEntry['attacks'][number]): unknown {
  return [plugin, seed, outcomes]
}

function isTelling({ worstCase, clean, dataset }: LeaderboardEntry): boolean {
  const { correct } = clean
  const counts = [worstCase.robust, correct - worstCase.robust, dataset.examples - correct]
  return counts.filter((count) => count >= telling).length >= 2
}

/** Entries with the key of an earlier one, but another value. */
function repeated(
  entries: readonly NamedEntry[],
  keyOf: (entry: LeaderboardEntry) => string,
  valueOf: (entry: LeaderboardEntry) => string,
  message: (first: string) => string,
): string[] {
  const seen = new Map<string, { readonly label: string; readonly value: string }>()
  return entries.flatMap(({ entry, label }) => {
    const key = keyOf(entry)
    const value = valueOf(entry)
    const first = seen.get(key)
    if (!first) seen.set(key, { label, value })
    return first && first.value !== value ? [`${label}#${message(first.label)}`] : []
  })
}
