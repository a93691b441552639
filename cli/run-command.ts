/** `robench run`: runs a suite or resumes it. */
import { Command } from 'commander'
import { loadSuite } from '../core/bench/suite/load.ts'
import { addRunOptions, suiteArgument, suiteOverrides } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { execute, executeShard } from './execute.ts'
import { addGateOptions } from './gates.ts'
import type { GateOptions } from './gates.ts'

/**
 * The command `run`. Sets the exit code of the process: 1 if an attack or a defense failed. Throws
 * errors; the main program prints them.
 */
export function runCommand(): Command {
  const command = new Command('run')
    .description('run a suite, or resume an interrupted run')
    .argument('<suite>', suiteArgument)
  addRunOptions(command)
    .option('--save-adversarial', 'save adversarial examples as .npz files, with an index')
    .option('--shard <i/n>', 'run one of n shards of the suite; `robench merge` joins them')
  return addGateOptions(command).action(
    async (path: string, options: RunOptions & GateOptions & { readonly shard?: string }) => {
      const loaded = loadSuite(path, suiteOverrides(options))
      const words = process.argv.slice(2)
      const { shard } = options
      process.exitCode =
        shard === undefined
          ? await execute(loaded, options, words)
          : await executeShard(loaded, { ...options, shard }, words)
    },
  )
}
