/** How figures are written for people: the only place where fractions become percent and epsilons become 8/255. */
import type { Interval } from '../../core/bench/metrics/interval.ts'
import { formatEpsilon } from '../../core/threat/epsilon.ts'

export { formatEpsilon as epsilonText }

/** A fraction as `69.25 %`, with a no-break space. */
export function percent(fraction: number): string {
  return `${percentDigits(fraction)}\u00a0%`
}

/** A fraction in percent without the sign: `69.25`. */
export function percentDigits(fraction: number): string {
  return (100 * fraction).toFixed(2)
}

/** An interval in percent without the sign: `68.34–70.15`. */
export function percentRange(interval: Interval): string {
  return `${percentDigits(interval.low)}–${percentDigits(interval.high)}`
}

/** A whole number with separators: `10,000`. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** A count with a noun in the right number: `1 example`, `10,000 examples`. */
export function countOf(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`
}

/** A mean with one decimal: `20.0`. */
export function mean(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
}

/** Milliseconds as `840 ms`, `12.3 s`, `4 min 10 s` or `2 h 03 min`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** Bytes as `812 B`, `1.4 kB` or `1.4 MB`, in powers of ten. */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`
  return value < 999_950 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`
}

/** An ISO time stamp as `2026-08-22 14:03 UTC`; anything else as it is. */
export function moment(stamp: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*Z$/.exec(stamp)
  return match ? `${match[1]} ${match[2]} UTC` : stamp
}

/** The first twelve digits of a hash. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12)
}

/** A figure with three significant digits: `0.0312`. */
export function significant(value: number): string {
  return String(Number(value.toPrecision(3)))
}

/** A text as a sentence: with a capital and a full stop. */
export function sentence(text: string): string {
  const full = /[.!?]$/.test(text) ? text : `${text}.`
  return full.charAt(0).toUpperCase() + full.slice(1)
}

/** A text without its backquotes, which mark code elsewhere. */
export function codeless(text: string): string {
  return text.replaceAll('`', '')
}

/** Plain JSON on one line, text without quotes and sizes as `epsilonText`: how options and training facts are shown. */
export function plain(value: unknown): string {
  if (typeof value === 'number')
    return Math.abs(value) < 10_000 ? formatEpsilon(value) : count(value)
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`
  if (typeof value === 'object' && value !== null) return `{ ${plainOptions(value)} }`
  return String(value)
}

/** A named fact of a model card: as `plain`, but times (`…Ms`) as durations and objects without braces. */
export function fact(value: unknown, name: string): string {
  if (typeof value === 'number' && name.endsWith('Ms')) return duration(value)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? plainOptions(value) : plain(value)
}

/** Options as `steps 20, stepSize 2/255`; `none` where there are none. */
export function plainOptions(options: object): string {
  const pairs = Object.entries(options).map(([key, value]) => `${key} ${plain(value)}`)
  return pairs.length === 0 ? 'none' : pairs.join(', ')
}
