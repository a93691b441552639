/** Numbers as people read them: percentages, durations, sizes, and options. */
import { count, percentDigits, percent as plainPercent } from '../../core/base/figures.ts'
import type { Interval } from '../../core/bench/metrics/interval.ts'
import { formatEpsilon } from '../../core/threat/epsilon.ts'

export { formatEpsilon as epsilonText }

export { count, countOf, percentDigits, significant } from '../../core/base/figures.ts'

/** A fraction as `69.25 %`, with a no-break space. */
export function percent(fraction: number): string {
  return plainPercent(fraction).replace(' ', '\u00a0')
}

/** An interval in percent, without the sign: `68.34–70.15`. */
export function percentRange(interval: Interval): string {
  return `${percentDigits(interval.low)}–${percentDigits(interval.high)}`
}

/** A mean with one decimal: `20.0`. */
export function mean(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
}

/** Milliseconds as `840 ms`, `12.3 s`, `4 min 10 s`, or `2 h 03 min`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** Bytes as `812 B`, `1.4 kB`, or `1.4 MB`, in powers of ten. */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`
  return value < 999_950 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`
}

/** An ISO timestamp as `2026-08-22 14:03 UTC`; any other text is returned unchanged. */
export function moment(stamp: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*Z$/.exec(stamp)
  return match ? `${match[1]} ${match[2]} UTC` : stamp
}

/** A text as a sentence, with a capital letter and a period. */
export function sentence(text: string): string {
  const full = /[.!?]$/.test(text) ? text : `${text}.`
  return full.charAt(0).toUpperCase() + full.slice(1)
}

/** A text without its backticks, which mark code in Markdown. */
export function codeless(text: string): string {
  return text.replaceAll('`', '')
}

/** A JSON value on one line: strings without quotes, numbers as `epsilonText`. */
export function plain(value: unknown): string {
  if (typeof value === 'number')
    return Math.abs(value) < 10_000 ? formatEpsilon(value) : count(value)
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`
  if (typeof value === 'object' && value !== null) return `{ ${plainOptions(value)} }`
  return String(value)
}

/** A value of a model card: `plain`, but times (`…Ms`) as durations and objects without braces. */
export function fact(value: unknown, name: string): string {
  if (typeof value === 'number' && name.endsWith('Ms')) return duration(value)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? plainOptions(value) : plain(value)
}

/** Options as `steps 20, stepSize 2/255`, or `none` for an empty object. */
export function plainOptions(options: object): string {
  const pairs = Object.entries(options).map(([key, value]) => `${key} ${plain(value)}`)
  return pairs.length === 0 ? 'none' : pairs.join(', ')
}
