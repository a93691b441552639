/** `robench merge`: joins the results of shards to one result. */
import { Command } from 'commander'
import { mergeParts } from '../core/bench/execute/merge-parts.ts'
import { commandLine } from './arguments.ts'
import { presentRun } from './execute.ts'
import { exitCodes } from './failure.ts'
import { printable } from '../reports/theme/printable.ts'

interface MergeOptions {
  readonly results: string
  readonly json?: boolean
}

/** The command `merge`. Sets the exit code of the process: 1 if an attack of a shard failed. */
export function mergeCommand(): Command {
  return new Command('merge')
    .description('join the results of `run --shard` to one result')
    .argument('<dir...>', 'results directories of the shards, or a directory that contains them')
    .option('--results <dir>', 'directory for the merged results', 'results')
    .option('--json', 'print the result as JSON')
    .action(async (folders: string[], options: MergeOptions) => {
      const run = await mergeParts({
        folders,
        resultsFolder: options.results,
        command: commandLine(['robench', ...process.argv.slice(2)]),
        notice: (text) => process.stderr.write(`note: ${printable(text)}\n`),
      })
      await presentRun(run, options)
      if (run.failed) process.exitCode = exitCodes.failures
    })
}
