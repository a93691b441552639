/** What entries of one board cannot be together. */
import { canonicalJson } from '../core/base/hash.ts'
import { benchmarkKey } from './entry.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'
import { correctMask, countDiffering, robustMask } from './outcome-masks.ts'

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
  const copies = copiedOutcomes(entries)
  return [
    ...runDisagreements(entries),
    ...modelDisagreements(entries),
    ...dataDisagreements(entries),
    ...cleanDisagreements(entries),
    ...repeatedEvaluations(entries),
    ...(copies.length > 0 ? copies : copiedBlocks(entries)),
  ]
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

/** Data of one id has one hash. */
function dataDisagreements(entries: readonly NamedEntry[]): string[] {
  return repeated(
    entries,
    ({ dataset }) => dataset.id,
    ({ dataset }) => dataset.sha256,
    (first) => `/dataset/sha256: is not that of ${first}, which has data of the same id`,
  )
}

/** Share of examples on which evaluations of one model may differ by devices alone. */
const tolerance = 0.01

/** Entries of one file that are different classifiers, such as by their normalization. */
function cleanDisagreements(entries: readonly NamedEntry[]): string[] {
  const firsts = new Map<string, NamedEntry>()
  return entries.flatMap((named) => {
    const { entry, label } = named
    const key = `${benchmarkKey(entry)} ${entry.model.sha256}`
    const first = firsts.get(key)
    if (!first) firsts.set(key, named)
    // Other data under one id is objected to above.
    if (!first || first.entry.dataset.examples !== entry.dataset.examples) return []
    const { onlyA, onlyB } = countDiffering(correctMask(first.entry), correctMask(entry))
    return onlyA + onlyB <= tolerance * entry.dataset.examples
      ? []
      : [
          `${label}#/clean: has the model file of ${first.label}, but without attack ` +
            `${onlyA + onlyB} of ${entry.dataset.examples} examples have another outcome; one of ` +
            'them was run with other options, such as another normalization; remove it',
        ]
  })
}

/**
 * Entries with the attacks and outcomes of another entry of their model: a copy, or the same
 * evaluation made again.
 */
function repeatedEvaluations(entries: readonly NamedEntry[]): string[] {
  const earlier = new Map<string, NamedEntry[]>()
  return entries.flatMap((named) => {
    const { entry, label } = named
    const key = canonicalJson([benchmarkKey(entry), entry.model.sha256, pluginsOf(entry)])
    const others = earlier.get(key) ?? []
    earlier.set(key, [...others, named])
    const first = others.find((other) => isSameEvaluation(entry, other.entry))
    return first
      ? [
          `${label}#/attacks: are those of ${first.label}, on the same model file with the same ` +
            'outcomes; to replace that entry, add this one under its id with --replace, to confirm ' +
            'it, run robench leaderboard check',
        ]
      : []
  })
}

function pluginsOf({ attacks }: LeaderboardEntry): string[] {
  return attacks.map(({ plugin, package: provider = '' }) => `${provider} ${plugin}`).toSorted()
}

/** Whether each attack of both entries has its like in the other. */
function isSameEvaluation(a: LeaderboardEntry, b: LeaderboardEntry): boolean {
  const isIn = (attack: EntryAttack, { attacks }: LeaderboardEntry): boolean =>
    attacks.some((other) => isSameAttack(attack, other, a.dataset.examples))
  return (
    a.attacks.every((attack) => isIn(attack, b)) && b.attacks.every((attack) => isIn(attack, a))
  )
}

/** Equal outcomes, or outcomes of one configuration that differ as those of two devices do. */
function isSameAttack(a: EntryAttack, b: EntryAttack, examples: number): boolean {
  if (a.plugin !== b.plugin || a.package !== b.package) return false
  if (a.outcomes === b.outcomes) return true
  const [own, other] = [a, b].map(({ version, options, seed }) =>
    canonicalJson([version, options, seed]),
  )
  if (own !== other || a.outcomes.length !== b.outcomes.length) return false
  const { onlyA, onlyB } = countDiffering(robustMask(a), robustMask(b))
  return onlyA + onlyB <= tolerance * examples
}

/** Different models never have the same outcomes of all examples: one of them is a copy. */
function copiedOutcomes(entries: readonly NamedEntry[]): string[] {
  return repeated(
    entries.filter(({ entry }) => isTelling(entry)),
    // Order, names, and repetitions of attacks say nothing.
    (entry) => {
      const outcomes = new Set(entry.attacks.map((attack) => attack.outcomes))
      return canonicalJson([benchmarkKey(entry), ...[...outcomes].toSorted()])
    },
    ({ model }) => model.sha256,
    (first) =>
      `/attacks: every outcome is that of ${first}, which has another model file; one model has ` +
      'one entry',
  )
}

/** Examples of a block, whose outcomes are compared as a whole. */
const blockExamples = 500

/** Packed bytes of a block. */
const blockBytes = blockExamples / 4

/** The least number of examples of a block with another outcome than most, and of equal blocks. */
const tellingBlock = 10
const leastBlocks = 3

/**
 * Attacks of which most blocks are those of an attack on another model, whatever their names: a
 * copy, with some outcomes changed or not. Blocks with nearly one outcome only say nothing.
 */
function copiedBlocks(entries: readonly NamedEntry[]): string[] {
  const owners = new Map<string, NamedEntry>()
  return entries.flatMap((named) => {
    const { entry, label } = named
    const benchmark = benchmarkKey(entry)
    const found: string[] = []
    entry.attacks.forEach((attack, at) => {
      const blocks = tellingBlocks(attack.outcomes).map((block) => `${benchmark} ${block}`)
      const equal = new Map<NamedEntry, number>()
      for (const block of blocks) {
        const owner = owners.get(block)
        if (!owner) owners.set(block, named)
        else if (owner.entry.model.sha256 !== entry.model.sha256) {
          equal.set(owner, (equal.get(owner) ?? 0) + 1)
        }
      }
      for (const [owner, count] of equal) {
        if (count < leastBlocks || 2 * count <= blocks.length) continue
        found.push(
          `${label}#/attacks/${at}/outcomes: ${count} of ${blocks.length} blocks of ` +
            `${blockExamples} examples are those of ${owner.label}, which has another model file`,
        )
      }
    })
    return found.slice(0, 1)
  })
}

/** Per byte of packed outcomes: how often each code is in it, in 8 bits each. */
const codeCounts = Uint32Array.from({ length: 256 }, (_, byte) =>
  [0, 2, 4, 6].reduce((sum, shift) => sum + 2 ** (8 * ((byte >> shift) & 3)), 0),
)

/** The blocks of packed outcomes that differ from model to model, each with its place. */
function tellingBlocks(packed: string): string[] {
  const bytes = Buffer.from(packed, 'base64')
  const found: string[] = []
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const end = Math.min(start + blockBytes, bytes.length)
    if (isTellingBlock(bytes, start, end)) {
      found.push(`${start} ${bytes.toString('latin1', start, end)}`)
    }
  }
  return found
}

function isTellingBlock(bytes: Buffer, start: number, end: number): boolean {
  const totals = [0, 0, 0, 0]
  for (let at = start; at < end; at++) {
    const counts = codeCounts[bytes[at]!]!
    for (let code = 0; code < 4; code++) totals[code]! += (counts >>> (8 * code)) & 255
  }
  return 4 * (end - start) - Math.max(...totals) >= tellingBlock
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
