/** Numbers as text. */

/** A number rounded to significant digits, without trailing zeros: `0.0312`, `1.5`, `1e-7`. */
export function significant(value: number, digits = 3): string {
  return String(Number(value.toPrecision(digits)))
}

/** A fraction in percent without the sign: `69.25`. */
export function percentDigits(fraction: number, digits = 2): string {
  return (100 * fraction).toFixed(digits)
}

/** A fraction in percent: `69.25 %`. */
export function percent(fraction: number, digits = 2): string {
  return `${percentDigits(fraction, digits)} %`
}
