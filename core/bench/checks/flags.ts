/** Marks on examples: `[n]`, each 1 or 0. */

/** How many are marked. */
export function countFlagged(marks: Uint8Array): number {
  let count = 0
  for (const mark of marks) count += mark
  return count
}

/** Marked in the first and in none of the others. */
export function onlyIn(marks: Uint8Array, ...others: readonly Uint8Array[]): Uint8Array {
  return marks.map((mark, row) => (others.some((other) => other[row] === 1) ? 0 : mark))
}

/** Marked in any. */
export function inAny(marks: Uint8Array, ...others: readonly Uint8Array[]): Uint8Array {
  return marks.map((mark, row) => (others.some((other) => other[row] === 1) ? 1 : mark))
}
