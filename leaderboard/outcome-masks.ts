/** Per-example outcomes as bits, for unions over attacks and for tests of pairs. */
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'

/** A set of examples: example i is bit 2(i mod 16) of word ⌊i/16⌋, as outcomes are packed. */
export type ExampleMask = Uint32Array

/** The even bits of a word. */
const even = 0x5555_5555

/** The outcomes of an attack. */
export interface OutcomeMasks {
  readonly robust: ExampleMask
  readonly broken: ExampleMask
  /** For corruptions: misclassified in its original form, but correct when corrupted. */
  readonly corruptedOnly: ExampleMask
}

/** Outcomes as masks. An example that is in none of them is misclassified without attack. */
export function outcomeMasks({ outcomes }: Pick<EntryAttack, 'outcomes'>): OutcomeMasks {
  const words = wordsOf(outcomes)
  return {
    robust: words.map((word) => word & ~(word >>> 1) & even),
    broken: words.map((word) => ~word & (word >>> 1) & even),
    corruptedOnly: words.map((word) => word & (word >>> 1) & even),
  }
}

/** Per mask, the number of examples that are in no other one. All have the same length. */
export function countAlone(masks: readonly ExampleMask[]): number[] {
  const once = new Uint32Array(masks[0]?.length ?? 0)
  const repeated = once.slice()
  for (const mask of masks) {
    for (let at = 0; at < mask.length; at++) {
      repeated[at]! |= once[at]! & mask[at]!
      once[at]! |= mask[at]!
    }
  }
  return masks.map((mask) => countDiffering(mask, repeated).onlyA)
}

/** Examples that an attack left robust. @param attack of an entry that `checkEntry` accepted */
export function robustMask({ outcomes }: Pick<EntryAttack, 'outcomes'>): ExampleMask {
  return wordsOf(outcomes).map((word) => word & ~(word >>> 1) & even)
}

/** Examples of an entry that are classified correctly without attack. */
export function correctMask({ attacks }: Pick<LeaderboardEntry, 'attacks'>): ExampleMask {
  return wordsOf(attacks[0]?.outcomes ?? '').map((word) => (word ^ (word >>> 1)) & even)
}

/** The examples of all masks, which have the same length. Without masks: undefined. */
export function intersection(masks: readonly ExampleMask[]): ExampleMask | undefined {
  const [first, ...others] = masks
  const all = first?.slice()
  if (!all) return undefined
  for (const mask of others) for (let at = 0; at < all.length; at++) all[at]! &= mask[at]!
  return all
}

/** The examples of any mask; all have the same length. Without masks: undefined. */
export function union(masks: readonly ExampleMask[]): ExampleMask | undefined {
  const [first, ...others] = masks
  const any = first?.slice()
  if (!any) return undefined
  for (const mask of others) for (let at = 0; at < any.length; at++) any[at]! |= mask[at]!
  return any
}

/** The number of examples in a mask. */
export function countMask(mask: ExampleMask): number {
  let count = 0
  for (const word of mask) count += bitsOf(word)
  return count
}

/** The number of examples that are in one mask and not in the other. */
export function countDiffering(
  a: ExampleMask,
  b: ExampleMask,
): { readonly onlyA: number; readonly onlyB: number } {
  let onlyA = 0
  let onlyB = 0
  for (let at = 0; at < a.length; at++) {
    onlyA += bitsOf(a[at]! & ~b[at]!)
    onlyB += bitsOf(b[at]! & ~a[at]!)
  }
  return { onlyA, onlyB }
}

function wordsOf(packed: string): Uint32Array {
  const bytes = Buffer.from(packed, 'base64')
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
  padded.set(bytes)
  return new Uint32Array(padded.buffer)
}

/** The number of bits of a word, of which only even ones may be set. */
function bitsOf(word: number): number {
  const pairs = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333)
  return Math.imul((pairs + (pairs >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
