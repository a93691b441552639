/** The whole command line as one commander program. */
import { Command } from 'commander'
import { packageVersion } from '../core/bench/execute/assemble.ts'
import { dataCommand } from './data-command.ts'
import { evalCommand } from './eval-command.ts'
import { leaderboardCommand } from './leaderboard-command.ts'
import { listCommand } from './list-command.ts'
import { planCommand } from './plan-command.ts'
import { reportCommand } from './report-command.ts'
import { runCommand } from './run-command.ts'
import { schemaCommand } from './schema-command.ts'
import { trainCommand } from './train-command.ts'
import { validateCommand } from './validate-command.ts'

const examples = `
Examples:
  robench run suites/quickstart.json
  robench data pull cifar10
  robench eval model.onnx --data cifar10 --norm Linf --epsilon 8/255 --attack pgd --steps 40
  robench plan suites/cifar10.json --json

Exit codes: 0 done, 1 finished with failed cells, 2 wrong usage or input, 3 defect, 130 interrupted.`

/** The program. It throws CommanderError instead of leaving the process. */
export function createProgram(): Command {
  const program = new Command('robench')
    .description('adversarial-robustness benchmark suite and leaderboard')
    .version(packageVersion(), '-v, --version')
    .option('--debug', 'print a stack with every error')
    .addHelpText('after', examples)
  const commands = [
    runCommand(),
    evalCommand(),
    trainCommand(),
    planCommand(),
    validateCommand(),
    listCommand(),
    dataCommand(),
    reportCommand(),
    leaderboardCommand(),
    schemaCommand(),
  ]
  for (const command of commands) program.addCommand(command)
  strict(program)
  return program
}

/** Unknown words are refused with a suggestion, in every command below. */
function strict(command: Command): void {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for what is accepted)')
    .allowExcessArguments(false)
  for (const child of command.commands) strict(child)
}
