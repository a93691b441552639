/** Sums, added in order. */

/** The sum of numbers; 0 for none. */
export function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

/** The sum of one number per item. */
export function sumBy<Item>(items: Iterable<Item>, numberOf: (item: Item) => number): number {
  let total = 0
  for (const item of items) total += numberOf(item)
  return total
}
