/** Numbers and counts as text, the same in checks, reports, and the command line. */

/** A fraction in percent, without the sign: `69.25`. */
export function percentDigits(fraction: number, digits = 2): string {
  return (100 * fraction).toFixed(digits)
}

/** A fraction in percent: `69.25 %`. */
export function percent(fraction: number, digits = 2): string {
  return `${percentDigits(fraction, digits)} %`
}

/** A number rounded to significant digits, without trailing zeros: `0.0312`. */
export function significant(value: number, digits = 3): string {
  return String(Number(value.toPrecision(digits)))
}

/** An integer with thousands separators: `10,000`. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** A count and its noun: `1 example`, `10,000 examples`. */
export function countOf(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`
}
