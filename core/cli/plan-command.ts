/** `robench plan`: what a run would do, and how long it may take. */
import { Command, InvalidArgumentError } from 'commander'
import { expectedWork } from '../run/expected-passes.ts'
import type { AssumedRobustAccuracies } from '../run/expected-passes.ts'
import { readResult } from '../run/read-result.ts'
import { planSuite } from '../run/run.ts'
import { loadSuite } from '../suite/load.ts'
import { addRunOptions, runSettings, suiteOverrides } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { interruptible } from './execute.ts'
import { formatPlan } from './format-plan.ts'
import { progressDisplay } from './progress.ts'

interface PlanOptions extends RunOptions {
  readonly robustAccuracy: AssumedRobustAccuracies
  readonly like?: string
}

/** The command `plan`. Errors are thrown: the main program prints them. */
export function planCommand(): Command {
  const command = new Command('plan')
    .description('check a suite wholly and show what running it would take')
    .argument('<suite>', 'a suite file, or the name of a shipped suite')
    .option(
      '--robust-accuracy <share>',
      'what you expect to find, such as 0.35 or pgd-at=0.35, may be repeated: then the plan says what that takes',
      collectShare,
      {},
    )
    .option(
      '--like <result>',
      'an earlier result, of fewer examples perhaps: then the plan says what as many passes an example take',
    )
  return addRunOptions(command).action(async (path: string, options: PlanOptions) => {
    const loaded = loadSuite(path, suiteOverrides(options))
    const like = options.like === undefined ? undefined : readResult(options.like)
    const display = progressDisplay(process.stderr)
    const plan = await interruptible(
      (signal) => planSuite(loaded, runSettings(options), display, signal),
      display,
      process.argv.slice(2),
    )
    const { robustAccuracy: robustAccuracies } = options
    const guessed = like !== undefined || Object.keys(robustAccuracies).length > 0
    const expected = guessed
      ? expectedWork(plan, { robustAccuracies, ...(like && { like }) })
      : undefined
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ ...plan, ...(expected && { expected }) }, undefined, 2)}\n`
        : formatPlan(plan, expected, options.like),
    )
  })
}

/** `share` for all defenses, or `name=share` for one. */
function collectShare(text: string, previous: AssumedRobustAccuracies): AssumedRobustAccuracies {
  const [, name = '*', share] = /^(?:(.+)=)?([\d.]+)$/.exec(text) ?? []
  const value = Number(share)
  if (share === undefined || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('Expected a share from 0 to 1, such as 0.35 or pgd-at=0.35.')
  }
  return { ...previous, [name]: value }
}
