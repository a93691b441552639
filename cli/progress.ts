/** Progress of a run on standard error: live bars on a terminal, otherwise occasional lines. */
import { appendFileSync } from 'node:fs'
import { ConfigError } from '../core/base/errors.ts'
import { percent } from '../core/base/figures.ts'
import { MultiBar } from 'cli-progress'
import type { SingleBar } from 'cli-progress'
import type { ErrorRecord } from '../core/base/errors.ts'
import type { TrainingProgress } from '../core/plugin/contract.ts'
import type { RunListener } from '../core/bench/execute/settings.ts'
import { formatPlan } from './format-plan.ts'
import { printable } from '../reports/theme/printable.ts'

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

/** What of a display the options of a command request. */
export interface DisplayOptions {
  /** Show failures only. */
  readonly quiet?: boolean
  /** File that lines are appended to. */
  readonly log?: string
}

/**
 * `progressDisplay`, reduced to failures with `quiet`, and doubled by lines in a file with `log`.
 * @throws ConfigError if the file cannot be written
 */
export function openDisplay(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
  { quiet, log }: DisplayOptions,
): ProgressDisplay {
  const shown = quiet ? quietDisplay(stream) : progressDisplay(stream)
  if (log === undefined) return shown
  const write = (text: string): void => {
    try {
      appendFileSync(log, text)
    } catch (cause) {
      throw new ConfigError('ROBENCH_CONFIG', `--log: ${log} cannot be written: ${String(cause)}`, {
        cause,
      })
    }
  }
  write('')
  return both(shown, lineDisplay({ write }))
}

function quietDisplay(stream: NodeJS.WritableStream): ProgressDisplay {
  const nothing = (): void => {}
  return {
    notice: nothing,
    planned: nothing,
    training: nothing,
    progress: nothing,
    failed: (what, error) => stream.write(failureLine(what, error)),
    stop: nothing,
  }
}

function both(first: ProgressDisplay, second: ProgressDisplay): ProgressDisplay {
  return {
    notice(text) {
      first.notice(text)
      second.notice(text)
    },
    planned(plan, expected) {
      first.planned(plan, expected)
      second.planned(plan, expected)
    },
    training(defense, state) {
      first.training(defense, state)
      second.training(defense, state)
    },
    progress(share) {
      first.progress(share)
      second.progress(share)
    },
    failed(what, error) {
      first.failed(what, error)
      second.failed(what, error)
    },
    stop() {
      first.stop()
      second.stop()
    },
  }
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
    planned: (plan, expected) => stream.write(printable(formatPlan(plan, expected))),
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

/** Where lines go. */
interface LineSink {
  write(text: string): unknown
}

function lineDisplay(stream: LineSink): ProgressDisplay {
  const epochs = new Map<string, number>()
  let tenth = 0
  return {
    notice: (text) => stream.write(noticeLine(text)),
    planned: (plan, expected) => stream.write(printable(formatPlan(plan, expected))),
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
  return `note: ${printable(text)}\n`
}

function failureLine(what: string, { code, message }: ErrorRecord): string {
  return printable(`failed: ${what}: ${message} [${code}]\n`)
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
