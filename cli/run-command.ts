/** `robench run`: runs a suite, or goes on with it. */
import { Command } from 'commander'
import { loadSuite } from '../core/bench/suite/load.ts'
import { addRunOptions, suiteOverrides } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { execute } from './execute.ts'

/** The command `run`. Sets the process's exit code: 1 if cells failed. Errors are thrown: the main program prints them. */
export function runCommand(): Command {
  const command = new Command('run')
    .description('run a suite; a run that was stopped goes on where it was')
    .argument('<suite>', 'a suite file, or the name of a shipped suite')
    .option('--save-adversarial', 'keep the adversarial examples as .npy files')
  return addRunOptions(command).action(async (path: string, options: RunOptions) => {
    const loaded = loadSuite(path, suiteOverrides(options))
    process.exitCode = await execute(loaded, options, process.argv.slice(2))
  })
}
