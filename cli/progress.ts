/** Progress of a run on standard error: live bars on a terminal, otherwise occasional lines. */
import { percent } from '../core/base/figures.ts'
import { MultiBar } from 'cli-progress'
import type { SingleBar } from 'cli-progress'
import type { ErrorRecord } from '../core/base/errors.ts'
import type { TrainingProgress } from '../core/plugin/contract.ts'
import type { RunListener } from '../core/bench/execute/settings.ts'
import { formatPlan } from './format-plan.ts'

/** A listener that can remove its bars from the screen. */
export interface ProgressDisplay extends Required<Omit<RunListener, 'completed'>> {
  stop(): void
}

/** Bars if the stream is a terminal, otherwise lines. */
export function progressDisplay(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
): ProgressDisplay {
  return stream.isTTY ? barDisplay(stream) : lineDisplay(stream)
}

/** Resolution of a bar that shows a fraction. */
const barSteps = 10_000

function barDisplay(stream: NodeJS.WritableStream): ProgressDisplay {
  const bars = new MultiBar({
    stream,
    format: '{bar} {percentage}% | {name} | {eta_formatted} left{detail}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    etaBuffer: 50,
  })
  const shown = new Map<string, SingleBar>()
  let stopped = false
  function show(name: string, done: number, total: number, detail: string): void {
    if (stopped) return
    const bar = shown.get(name)
    if (!bar) shown.set(name, bars.create(total, done, { name, detail }))
    else bar.update(done, { name, detail })
    if (bar && done >= total) bars.remove(bar)
  }
  function log(text: string): void {
    // `bars.log` writes above the bars, so it needs one on the screen.
    if (shown.size === 0 || stopped) stream.write(text)
    else bars.log(text)
  }
  return {
    notice: (text) => log(noticeLine(text)),
    planned: (plan, expected) => stream.write(formatPlan(plan, expected)),
    training: (defense, state) =>
      show(`training ${defense}`, stepsDone(state), stepsTotal(state), trainingDetail(state)),
    progress: (fraction) => show('attacks', Math.round(barSteps * fraction), barSteps, ''),
    failed: (what, error) => log(failureLine(what, error)),
    stop() {
      // A second stop would erase what was printed since.
      if (stopped) return
      stopped = true
      bars.stop()
    },
  }
}

function lineDisplay(stream: NodeJS.WritableStream): ProgressDisplay {
  const epochs = new Map<string, number>()
  let tenth = 0
  return {
    notice: (text) => stream.write(noticeLine(text)),
    planned: (plan, expected) => stream.write(formatPlan(plan, expected)),
    training(defense, state) {
      if (epochs.get(defense) === state.epoch) return
      epochs.set(defense, state.epoch)
      const epoch = `epoch ${state.epoch + 1} of ${state.epochs}`
      stream.write(`training ${defense}: ${epoch}${trainingDetail(state)}\n`)
    },
    progress(fraction) {
      const reached = Math.floor(10 * fraction)
      if (reached <= tenth) return
      tenth = reached
      stream.write(`${reached * 10} % done\n`)
    },
    failed: (what, error) => stream.write(failureLine(what, error)),
    stop() {},
  }
}

function noticeLine(text: string): string {
  return `note: ${text}\n`
}

function failureLine(what: string, { code, message }: ErrorRecord): string {
  return `failed: ${what}: ${message} [${code}]\n`
}

function stepsDone({ epoch, step, steps }: TrainingProgress): number {
  return epoch * steps + step
}

function stepsTotal({ epochs, steps }: TrainingProgress): number {
  return epochs * steps
}

function trainingDetail({ loss, accuracy }: TrainingProgress): string {
  return `, loss ${loss.toFixed(3)}, accuracy ${percent(accuracy, 1)}`
}
