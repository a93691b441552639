/** `robench run`: runs a suite or resumes it. */
import { Command } from 'commander'
import { ConfigError } from '../core/base/errors.ts'
import { loadSuite } from '../core/bench/suite/load.ts'
import {
  addRunOptions,
  queueArgument,
  suiteArgument,
  suiteOverrides,
  wholeNumber,
} from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { execute, executeShard } from './execute.ts'
import { executeOnQueue } from './execute-on-queue.ts'
import type { QueueFlags } from './execute-on-queue.ts'
import { addGateOptions } from './gates.ts'
import type { GateOptions } from './gates.ts'

interface RunCommandOptions extends RunOptions, GateOptions, Partial<QueueFlags> {
  readonly shard?: string
}

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
  addGateOptions(command)
    .optionsGroup('Queue:')
    .option('--queue <url>', `run on the workers of a queue: ${queueArgument}`)
    .option('--serve <host:port>', 'serve models and data to workers (default: 127.0.0.1)')
    .option('--share <dir>', 'give models and data to workers in a shared directory')
    .option('--priority <n>', 'from 1, before other runs, to 10', wholeNumber(1), 5)
  return command.action(async (path: string, options: RunCommandOptions) => {
    const loaded = loadSuite(path, suiteOverrides(options))
    const words = process.argv.slice(2)
    const { shard, queue } = options
    requireOneWay(options)
    if (shard !== undefined) {
      process.exitCode = await executeShard(loaded, { ...options, shard }, words)
    } else if (queue !== undefined) {
      process.exitCode = await executeOnQueue(loaded, { ...options, queue }, words)
    } else process.exitCode = await execute(loaded, options, words)
  })
}

/** @throws ConfigError for options that exclude each other */
function requireOneWay({ shard, queue, serve, share, priority = 5 }: RunCommandOptions): void {
  if (shard !== undefined && queue !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      '--shard and --queue are contradictory; use only one of them',
    )
  }
  if (priority > 10) {
    throw new ConfigError('ROBENCH_CONFIG', '--priority: expected an integer from 1 to 10')
  }
  if (queue === undefined && (serve !== undefined || share !== undefined)) {
    throw new ConfigError('ROBENCH_CONFIG', '--serve and --share need --queue')
  }
}
