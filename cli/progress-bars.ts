/** Progress on a terminal: one live line for the run, and one for each training. */
import { MultiBar } from 'cli-progress'
import type { SingleBar } from 'cli-progress'
import { ShownTime } from '../core/bench/forecast/time-left.ts'
import type { TrainingProgress } from '../core/plugin/contract.ts'
import { formatPlan } from './format-plan.ts'
import { oneLine, printable } from '../reports/theme/printable.ts'
import {
  failureLine,
  noticeLine,
  runLabel,
  shortened,
  timeLeftText,
  trainingDetail,
} from './progress-text.ts'
import type { ProgressDisplay } from './progress-text.ts'
import { forTerminal } from './terminal-text.ts'

/** A terminal, or what a test has in its place. */
export type Terminal = NodeJS.WritableStream & {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Characters of a bar. */
const barSize = 8

/** Erases the rest of the line (ECMA-48, EL). */
const eraseToEnd = '\u001B[K'

/** Resolution of a bar for cli-progress, which removes a full one. */
const barSteps = 10_000

/** The live display of a run. */
export function barDisplay(stream: Terminal): ProgressDisplay {
  // The whole line is in the payload: cli-progress knows neither names nor forecasts.
  const bars = new MultiBar({
    stream,
    format: '{line}',
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  })
  const shown = new Map<string, SingleBar>()
  const trainings = new Map<string, TrainingTime>()
  let stopped = false
  // The last column stays free: some terminals wrap a full line.
  const width = (): number => (stream.columns || 80) - 1
  function remove(name: string): void {
    const bar = shown.get(name)
    if (bar) bars.remove(bar)
    shown.delete(name)
  }
  function show(name: string, fraction: number, label: (room: number) => string): void {
    if (stopped) return
    const start = `${barText(fraction)} ${String(Math.floor(100 * fraction)).padStart(3)} %  `
    const line = shortened(start + label(width() - start.length), width())
    const bar = shown.get(name)
    const steps = Math.min(barSteps - 1, Math.round(barSteps * fraction))
    if (bar) bar.update(steps, { line })
    else shown.set(name, bars.create(barSteps, steps, { line }))
  }
  function log(text: string): void {
    // `bars.log` writes above the bars, so it needs one on the screen.
    if (shown.size === 0 || stopped) stream.write(text)
    // What the text does not cover of the line below is erased.
    else bars.log(text.replaceAll('\n', `${eraseToEnd}\n`))
  }
  return {
    notice: (text) => log(forTerminal(noticeLine(text), stream)),
    loading: (what) => show('run', 0, () => `loading ${oneLine(what)}`),
    planned: (plan, expected) => log(printable(formatPlan(plan, expected))),
    training(defense, state) {
      const time = trainings.get(defense) ?? new TrainingTime(state)
      trainings.set(defense, time)
      const left = time.left(state)
      show(`training ${defense}`, shareOf(state), (room) => {
        const end = `${trainingDetail(state)} | ${left}`
        return shortened(`training ${oneLine(defense)}`, room - end.length) + end
      })
      if (shareOf(state) >= 1) remove(`training ${defense}`)
    },
    progress(fraction, status) {
      if (fraction >= 1) remove('run')
      else show('run', fraction, (room) => runLabel(status, room))
    },
    failed: (what, error) => log(forTerminal(failureLine(what, error), stream)),
    stop() {
      // A second stop would erase what was printed since.
      if (stopped) return
      stopped = true
      bars.stop()
    },
  }
}

function barText(fraction: number): string {
  const full = Math.round(barSize * fraction)
  return '█'.repeat(full) + '░'.repeat(barSize - full)
}

function shareOf({ epoch, epochs, step, steps }: TrainingProgress): number {
  return Math.min(1, (epoch * steps + step) / (epochs * steps))
}

/** The time left of a training, from the steps that it has taken here. */
class TrainingTime {
  readonly #startMs = performance.now()
  readonly #start: number
  readonly #shown = new ShownTime()

  constructor(state: TrainingProgress) {
    this.#start = shareOf(state)
  }

  left(state: TrainingProgress): string {
    const now = performance.now()
    const done = shareOf(state) - this.#start
    if (done <= 0) return 'starting'
    const estimate = ((1 - shareOf(state)) * (now - this.#startMs)) / done
    return timeLeftText(this.#shown.update(estimate, now), false)
  }
}
