/** Numbers and sums as text and totals, for messages and evidence. */

/** A fraction in percent with two decimals: `34.91 %`. */
export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`
}

/** A number with at most three significant digits: `0.0312`. */
export function significant(value: number): string {
  return String(Number(value.toPrecision(3)))
}

/** The sum of a number per item. */
export function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0)
}
