/** `robench plan`: what a run would do, and how long it may take. */
import { Command } from 'commander'
import { planSuite } from '../run/run.ts'
import { loadSuite } from '../suite/load.ts'
import { addRunOptions, runSettings, suiteOverrides } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { interruptible } from './execute.ts'
import { formatPlan } from './format-plan.ts'
import { progressDisplay } from './progress.ts'

/** The command `plan`. Errors are thrown: the main program prints them. */
export function planCommand(): Command {
  const command = new Command('plan')
    .description('check a suite wholly and show what running it would take')
    .argument('<suite>', 'a suite file, or the name of a shipped suite')
  return addRunOptions(command).action(async (path: string, options: RunOptions) => {
    const loaded = loadSuite(path, suiteOverrides(options))
    const display = progressDisplay(process.stderr)
    const plan = await interruptible(
      (signal) => planSuite(loaded, runSettings(options), display, signal),
      display,
      process.argv.slice(2),
    )
    const text = options.json ? `${JSON.stringify(plan, undefined, 2)}\n` : formatPlan(plan)
    process.stdout.write(text)
  })
}
