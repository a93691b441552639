/** Flags of examples: `[n]`, each 1 or 0. */

/** Number of set flags. */
export function countFlagged(flags: Uint8Array): number {
  let count = 0
  for (const flag of flags) count += flag
  return count
}

/** Set in the first and in none of the others. */
export function onlyIn(flags: Uint8Array, ...others: readonly Uint8Array[]): Uint8Array {
  return flags.map((flag, row) => (others.some((other) => other[row] === 1) ? 0 : flag))
}

/** Set in any of them. */
export function inAny(flags: Uint8Array, ...others: readonly Uint8Array[]): Uint8Array {
  return flags.map((flag, row) => (others.some((other) => other[row] === 1) ? 1 : flag))
}
