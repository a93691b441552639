/** `robench plugin`: checks plugin packages. */
import { Command } from 'commander'
import picocolors from 'picocolors'
import { checkPackage } from './check-package.ts'
import type { CheckOutcome } from './check-package.ts'
import { collectOption } from './arguments.ts'
import { exitCodes } from './failure.ts'
import { jsonText } from '../reports/theme/printable.ts'

interface CheckOptions {
  readonly option?: Readonly<Record<string, unknown>>
  readonly costIsLimit?: boolean
  readonly json?: boolean
}

/**
 * The command `plugin`. `plugin check` sets the exit code of the process: 1 if a check failed.
 * Throws errors; the main program prints them.
 */
export function pluginCommand(): Command {
  return new Command('plugin')
    .description('check plugin packages')
    .addCommand(
      new Command('check')
        .description('run the conformance battery on the plugins of a package')
        .argument('<package>', 'npm package, or path of a package: .')
        .option(
          '--option <key=value>',
          'option of the plugins that have it, such as steps=3 (repeatable)',
          collectOption,
        )
        .option('--cost-is-limit', 'cost() of attacks is an upper limit')
        .option('--json', 'print the result as JSON')
        .action(check),
    )
}

async function check(name: string, options: CheckOptions): Promise<void> {
  const { option = {}, costIsLimit = false, json } = options
  const outcomes: CheckOutcome[] = []
  let subject = ''
  await checkPackage(name, { options: option, costIsLimit }, (outcome) => {
    outcomes.push(outcome)
    if (json) return
    if (outcome.subject !== subject) process.stdout.write(`${outcome.subject}\n`)
    subject = outcome.subject
    process.stdout.write(lineOf(outcome))
  })
  const failed = outcomes.filter(({ problem }) => problem !== undefined).length
  if (json) {
    process.stdout.write(`${jsonText({ package: name, checks: outcomes })}\n`)
  } else {
    process.stdout.write(
      `${outcomes.length - failed} of ${outcomes.length} checks passed` +
        `${failed === 0 ? '' : `, ${failed} failed`}\n`,
    )
  }
  process.exitCode = failed === 0 ? exitCodes.success : exitCodes.failures
}

function lineOf({ name, problem }: CheckOutcome): string {
  if (problem === undefined) return `  ${picocolors.green('ok')}      ${name}\n`
  const indented = problem.replaceAll('\n', '\n          ')
  return `  ${picocolors.red('failed')}  ${name}\n          ${indented}\n`
}
