/** Shows a run as it goes, on standard error: live bars on a terminal, else a line now and then. */
import { MultiBar } from 'cli-progress'
import type { SingleBar } from 'cli-progress'
import type { TrainingProgress } from '../core/plugin/contract.ts'
import type { RunListener } from '../core/bench/execute/settings.ts'
import { formatPlan } from './format-plan.ts'

/** A listener, and a way to take the bars off the screen. */
export interface ProgressDisplay extends Required<RunListener> {
  stop(): void
}

/** The display that fits the stream. */
export function progressDisplay(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
): ProgressDisplay {
  return stream.isTTY ? barDisplay(stream) : lineDisplay(stream)
}

/** Steps of a bar that shows a share. */
const shareSteps = 10_000

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
    // Before the first bar is on the screen there is nothing to write above of.
    if (shown.size === 0 || stopped) stream.write(text)
    else bars.log(text)
  }
  return {
    notice: (text) => log(`note: ${text}\n`),
    planned: (plan, expected) => stream.write(formatPlan(plan, expected)),
    training: (defense, state) =>
      show(`training ${defense}`, stepsDone(state), stepsTotal(state), trainingDetail(state)),
    progress: (share) => show('attacks', Math.round(shareSteps * share), shareSteps, ''),
    failed: (what, error) => log(`failed: ${what}: ${error.message} [${error.code}]\n`),
    stop() {
      stopped = true
      bars.stop()
    },
  }
}

function lineDisplay(stream: NodeJS.WritableStream): ProgressDisplay {
  const epochs = new Map<string, number>()
  let tenth = 0
  return {
    notice: (text) => stream.write(`note: ${text}\n`),
    planned: (plan, expected) => stream.write(formatPlan(plan, expected)),
    training(defense, state) {
      if (epochs.get(defense) === state.epoch) return
      epochs.set(defense, state.epoch)
      stream.write(
        `training ${defense}: epoch ${state.epoch + 1} of ${state.epochs}${trainingDetail(state)}\n`,
      )
    },
    progress(share) {
      const reached = Math.floor(10 * share)
      if (reached <= tenth) return
      tenth = reached
      stream.write(`${reached * 10} % done\n`)
    },
    failed: (what, error) => stream.write(`failed: ${what}: ${error.message} [${error.code}]\n`),
    stop() {},
  }
}

function stepsDone({ epoch, step, steps }: TrainingProgress): number {
  return epoch * steps + step
}

function stepsTotal({ epochs, steps }: TrainingProgress): number {
  return epochs * steps
}

function trainingDetail({ loss, accuracy }: TrainingProgress): string {
  return `, loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(1)} %`
}
