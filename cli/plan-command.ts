/** `robench plan`: what a run would do, and how long it may take. */
import { Command, InvalidArgumentError } from 'commander'
import type { AssumedRobustAccuracies } from '../core/bench/forecast/expected-passes.ts'
import { readResult } from '../core/bench/result/read-result.ts'
import { planSuite } from '../core/bench/execute/run.ts'
import { loadSuite } from '../core/bench/suite/load.ts'
import { addRunOptions, runSettings, suiteOverrides, wholeNumber } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { interruptible } from './execute.ts'
import { formatPlan } from './format-plan.ts'
import { progressDisplay } from './progress.ts'

interface PlanOptions extends RunOptions {
  readonly robustAccuracy?: AssumedRobustAccuracies
  readonly like?: string
  /** True if it was given without a number. */
  readonly pilot?: number | true
}

/** Examples of a pilot run: as many leave about 3 % of chance in what AutoAttack takes. */
const pilotExamples = 1000

/** The command `plan`. Errors are thrown: the main program prints them. */
export function planCommand(): Command {
  const command = new Command('plan')
    .description('check a suite wholly and show what running it would take')
    .argument('<suite>', 'a suite file, or the name of a shipped suite')
    .option(
      '--robust-accuracy <share>',
      'a guess of what it will find, such as 0.35 or pgd-at=0.35, may be repeated: say what that takes',
      collectShare,
    )
    .option(
      '--like <result>',
      'an earlier result, of fewer examples perhaps: say what to expect after it',
    )
    .option(
      '--pilot [examples]',
      'do a part of the work, 1,000 examples of every dear attack and all of the cheap ones, and say what the rest takes; the run skips that part',
      wholeNumber(1),
    )
  return addRunOptions(command).action(async (path: string, options: PlanOptions) => {
    const loaded = loadSuite(path, suiteOverrides(options))
    const like = options.like === undefined ? undefined : readResult(options.like)
    const display = progressDisplay(process.stderr)
    const { robustAccuracy: robustAccuracies = {}, pilot } = options
    const { plan, expected } = await interruptible(
      (signal) =>
        planSuite(loaded, {
          ...runSettings(options),
          robustAccuracies,
          ...(like && { like }),
          ...(pilot !== undefined && { pilot: pilot === true ? pilotExamples : pilot }),
          listener: display,
          signal,
        }),
      display,
      process.argv.slice(2),
    )
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ ...plan, ...(expected && { expected }) }, undefined, 2)}\n`
        : formatPlan(plan, expected),
    )
    if (!expected && plan.unitsDone < plan.units) {
      display.notice('fooled examples take less than that; --pilot does a part and tells how much')
    }
  })
}

/** `share` for all defenses, or `name=share` for one. */
function collectShare(
  text: string,
  previous: AssumedRobustAccuracies = {},
): AssumedRobustAccuracies {
  const [, name = '*', share] = /^(?:(.+)=)?([\d.]+)$/.exec(text) ?? []
  const value = Number(share)
  if (share === undefined || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('Expected a share from 0 to 1, such as 0.35 or pgd-at=0.35.')
  }
  return { ...previous, [name]: value }
}
