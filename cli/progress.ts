/** Progress of a run on standard error: live bars on a terminal, otherwise occasional lines. */
import { appendFileSync } from 'node:fs'
import { ConfigError } from '../core/base/errors.ts'
import { printable } from '../reports/theme/printable.ts'
import { formatPlan } from './format-plan.ts'
import { barDisplay } from './progress-bars.ts'
import { failureLine, noticeLine, runLabel, trainingDetail } from './progress-text.ts'
import type { ProgressDisplay } from './progress-text.ts'
import { forTerminal } from './terminal-text.ts'
import { watchBound } from './watch-bound.ts'

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
  if (log === undefined) return watchBound(shown)
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
  return watchBound(both(shown, lineDisplay({ write })))
}

function quietDisplay(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
): ProgressDisplay {
  const nothing = (): void => {}
  return {
    notice: nothing,
    loading: nothing,
    planned: nothing,
    training: nothing,
    progress: nothing,
    failed: (what, error) => stream.write(forTerminal(failureLine(what, error), stream)),
    stop: nothing,
  }
}

function both(first: ProgressDisplay, second: ProgressDisplay): ProgressDisplay {
  return {
    notice(text) {
      first.notice(text)
      second.notice(text)
    },
    loading(what) {
      first.loading(what)
      second.loading(what)
    },
    planned(plan, expected) {
      first.planned(plan, expected)
      second.planned(plan, expected)
    },
    training(defense, state) {
      first.training(defense, state)
      second.training(defense, state)
    },
    progress(share, status) {
      first.progress(share, status)
      second.progress(share, status)
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

/** Where lines go. */
interface LineSink {
  write(text: string): unknown
}

function lineDisplay(stream: LineSink): ProgressDisplay {
  const epochs = new Map<string, number>()
  let tenth = 0
  return {
    notice: (text) => stream.write(noticeLine(text)),
    // Most loads take less than a second.
    loading() {},
    planned: (plan, expected) => stream.write(printable(formatPlan(plan, expected))),
    training(defense, state) {
      if (epochs.get(defense) === state.epoch) return
      epochs.set(defense, state.epoch)
      const epoch = `epoch ${state.epoch + 1} of ${state.epochs}`
      stream.write(`training ${defense}: ${epoch}${trainingDetail(state)}\n`)
    },
    progress(fraction, status) {
      const reached = Math.floor(10 * fraction)
      if (reached <= tenth) return
      tenth = reached
      const label = runLabel(status, Infinity)
      stream.write(`${reached * 10} % done${label === '' ? '' : ` | ${label}`}\n`)
    },
    failed: (what, error) => stream.write(failureLine(what, error)),
    stop() {},
  }
}
