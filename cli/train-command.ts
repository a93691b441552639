/** `robench train`: trains the defenses of a suite and writes their model files. */
import { Command } from 'commander'
import { trainSuite } from '../core/bench/execute/train-suite.ts'
import { loadSuite } from '../core/bench/suite/load.ts'
import { addMachineOptions, runSettings, suiteArgument } from './arguments.ts'
import { interruptible } from './execute.ts'
import { exitCodes } from './failure.ts'
import { progressDisplay } from './progress.ts'
import { jsonText } from '../reports/theme/printable.ts'

interface TrainOptions {
  readonly defense?: string
  readonly out: string
  readonly workers?: number
  readonly threads: number
  readonly device: string
  readonly json?: boolean
}

/** The command `train`. Sets the exit code of the process: 1 if a training failed. */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('train the defenses of a suite, or resume an interrupted training')
    .argument('<suite>', suiteArgument)
    .option('--defense <name>', 'train only this defense')
    .option('--out <dir>', 'directory for model files and model cards', 'models')
  return addMachineOptions(command)
    .option('--json', 'print the result as JSON')
    .action(async (path: string, options: TrainOptions) => {
      const display = progressDisplay(process.stderr)
      const loaded = loadSuite(path)
      const settings = {
        ...runSettings({ ...options, results: 'results' }),
        modelsFolder: options.out,
        ...(options.defense === undefined ? {} : { defense: options.defense }),
      }
      const trained = await interruptible(
        (signal) => trainSuite(loaded, { ...settings, listener: display, signal }),
        display,
        process.argv.slice(2),
      )
      if (options.json) process.stdout.write(`${jsonText(trained)}\n`)
      else
        for (const { defense, path: file, sha256 } of trained.models)
          process.stdout.write(`${defense}  ${file}  sha256 ${sha256}\n`)
      if (trained.failures.length > 0) process.exitCode = exitCodes.failures
    })
}
