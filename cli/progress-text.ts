/** The words of progress: notices, failures, what runs, and the time left. */
import type { ErrorRecord } from '../core/base/errors.ts'
import { count, percent } from '../core/base/figures.ts'
import type { RunListener } from '../core/bench/execute/settings.ts'
import type { RunStatus, RunningCell } from '../core/bench/forecast/run-progress.ts'
import type { TrainingProgress } from '../core/plugin/contract.ts'
import { oneLine, printable } from '../reports/theme/printable.ts'

/** A listener that can remove its bars from the screen. */
export interface ProgressDisplay extends Required<Omit<RunListener, 'completed'>> {
  stop(): void
}

/** Characters of a defense's name for which room is made. */
const leastName = 8

/** A notice as a line. */
export function noticeLine(text: string): string {
  return `note: ${printable(text)}\n`
}

/** A failure as a line. */
export function failureLine(what: string, { code, message }: ErrorRecord): string {
  return printable(`failed: ${what}: ${message} [${code}]\n`)
}

/** `, loss 0.412, accuracy 85.1 %` */
export function trainingDetail({ loss, accuracy }: TrainingProgress): string {
  return `, loss ${loss.toFixed(3)}, accuracy ${percent(accuracy, 1)}`
}

/**
 * What runs, attacks first, and the time left:
 * `pgd-at, autoattack/fab-t, 128 of 500; standard, checks | ≤ 4 min 10 s left`.
 * @param width the most characters; the first name of a defense is cut to fit, and what else runs is
 * left out where it does not fit
 * @returns an empty string when nothing runs any more
 */
export function runLabel({ running, leftMs, isBound }: RunStatus, width: number): string {
  const first = running.find(({ kind }) => kind === 'attack') ?? running[0]
  if (!first) return ''
  const left = timeLeftText(leftMs, isBound)
  const room = width - left.length - ' | '.length
  let text = cellText(first, room)
  for (const other of running) {
    if (other === first) continue
    const more = `; ${oneLine(other.defense)}${oneLine(endsOf(other)[0] ?? '')}`
    if (text.length + more.length <= room) text += more
  }
  return `${text} | ${left}`
}

/**
 * `pgd-at, autoattack/fab-t, 128 of 500`; shorter forms where this leaves no room for the name of
 * the defense.
 */
function cellText(cell: RunningCell, width: number): string {
  const defense = oneLine(cell.defense)
  const [longest = '', ...others] = endsOf(cell).map(oneLine)
  const fits = (end: string): boolean => width - end.length >= Math.min(defense.length, leastName)
  const end = [longest, ...others].find(fits) ?? others.at(-1) ?? longest
  return shortened(defense, width - end.length) + end
}

/** What follows the name of the defense, from the longest form on. */
function endsOf({ kind, attack, stage, done, examples }: RunningCell): readonly string[] {
  const amount = `${count(done)} of ${count(examples)}`
  if (kind === 'checks') return [', checks']
  if (kind === 'clean') return [`, clean, ${amount}`]
  if (stage === undefined) return [`, ${attack ?? ''}, ${amount}`]
  const short = `${count(done)}/${count(examples)}`
  const staged = `, ${attack ?? ''}/${stage}`
  return [`${staged}, ${amount}`, `${staged}, ${short}`, `, ${stage}, ${short}`]
}

/** A text of at most `width` characters, with an ellipsis where it is cut. */
export function shortened(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/**
 * The time left, rounded up to steps that grow with it: 5 s, from a minute 10 s, from ten minutes
 * one minute.
 * @param isBound true for an upper bound
 */
export function timeLeftText(ms: number, isBound: boolean): string {
  const step = ms <= 60_000 ? 5 : ms <= 600_000 ? 10 : 60
  const seconds = Math.max(step, Math.ceil(ms / 1000 / step) * step)
  const minutes = Math.floor(seconds / 60)
  const text =
    seconds < 60
      ? `${seconds} s`
      : minutes < 60
        ? `${minutes} min${step < 60 && seconds % 60 > 0 ? ` ${String(seconds % 60).padStart(2, '0')} s` : ''}`
        : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
  return `${isBound ? '≤ ' : ''}${text} left`
}
