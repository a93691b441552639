/** `robench train`: trains the defenses of a suite anew and writes their model files. */
import { Command } from 'commander'
import { trainSuite } from '../core/bench/execute/train-suite.ts'
import { loadSuite } from '../core/bench/suite/load.ts'
import { runSettings, wholeNumber } from './arguments.ts'
import { interruptible } from './execute.ts'
import { exitCodes } from './failure.ts'
import { progressDisplay } from './progress.ts'

interface TrainOptions {
  readonly defense?: string
  readonly out: string
  readonly workers?: number
  readonly threads: number
  readonly device: string
  readonly json?: boolean
}

/** The command `train`. Sets the process's exit code: 1 if a training failed. */
export function trainCommand(): Command {
  return new Command('train')
    .description(
      'train the defenses of a suite and write their model files; a training that was stopped goes on',
    )
    .argument('<suite>', 'a suite file, or the name of a shipped suite')
    .option('--defense <name>', 'only this one')
    .option('--out <folder>', 'where the model files and their cards go', 'models')
    .option('--workers <n>', 'trainings at the same time', wholeNumber(1))
    .option('--threads <n>', 'threads of each training', wholeNumber(1), 1)
    .option('--device <name>', 'cpu, cuda, cuda:1, webgpu, dml or coreml', 'cpu')
    .option('--json', 'print the outcome as JSON')
    .action(async (path: string, options: TrainOptions) => {
      const display = progressDisplay(process.stderr)
      const loaded = loadSuite(path)
      const settings = {
        ...runSettings({ ...options, results: 'results' }),
        modelsFolder: options.out,
        ...(options.defense === undefined ? {} : { defense: options.defense }),
      }
      const answer = await interruptible(
        (signal) => trainSuite(loaded, { ...settings, listener: display, signal }),
        display,
        process.argv.slice(2),
      )
      if (options.json) process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`)
      else
        for (const { defense, path: file, sha256 } of answer.models)
          process.stdout.write(`${defense}  ${file}  sha256 ${sha256}\n`)
      if (answer.failures.length > 0) process.exitCode = exitCodes.failedCells
    })
}
