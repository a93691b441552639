/** Numbers and counts as text, the same in checks, reports, and the command line. */

/** A fraction in percent with two decimals, without the sign: `69.25`. */
export function percentDigits(fraction: number): string {
  return (100 * fraction).toFixed(2)
}

/** A fraction in percent with two decimals: `69.25 %`. */
export function percent(fraction: number): string {
  return `${percentDigits(fraction)} %`
}

/** A number rounded to three significant digits: `0.0312`. */
export function significant(value: number): string {
  return String(Number(value.toPrecision(3)))
}

/** An integer with thousands separators: `10,000`. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** A count and its noun: `1 example`, `10,000 examples`. */
export function countOf(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`
}
