/** The command line as one commander program. */
import { Command } from 'commander'
import { packageVersion } from '../core/base/package-version.ts'
import { certifyCommand } from './certify-command.ts'
import { claimsCommand } from './claims-command.ts'
import { compareCommand } from './compare-command.ts'
import { dataCommand } from './data-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { evalCommand } from './eval-command.ts'
import { gradCommand } from './grad-command.ts'
import { initCommand } from './init-command.ts'
import { inspectCommand } from './inspect-command.ts'
import { leaderboardCommand } from './leaderboard-command.ts'
import { listCommand } from './list-command.ts'
import { mergeCommand } from './merge-command.ts'
import { planCommand } from './plan-command.ts'
import { pluginCommand } from './plugin-command.ts'
import { queueCommand } from './queue-command.ts'
import { reportCommand } from './report-command.ts'
import { runCommand } from './run-command.ts'
import { schemaCommand } from './schema-command.ts'
import { forTerminal } from './terminal-text.ts'
import { trainCommand } from './train-command.ts'
import { verifyCommand } from './verify-command.ts'
import { validateCommand } from './validate-command.ts'
import { workerCommand } from './worker-command.ts'

const notes = `
Examples:
  robench run suites/quickstart.json
  robench data pull cifar10
  robench eval model.onnx --data cifar10 --norm Linf --epsilon 8/255 \\
    --attack pgd --steps 40
  robench plan suites/cifar10.json --json

Exit codes:
  0    success
  1    finished, but an attack, a defense, or a training failed, a gate was
       missed, or something differs
  2    wrong usage, suite, option, or file, or the environment failed
  3    internal error: a bug in robench
  130  interrupted; completed work is saved`

/** Creates the program. It throws a CommanderError instead of exiting the process. */
export function createProgram(): Command {
  const program = new Command('robench')
    .description('benchmark of adversarial robustness for ONNX image classifiers')
    .version(packageVersion(), '-v, --version', 'print the version')
    .option('--debug', 'print a stack trace with every error')
    .addHelpText('after', notes)
  const commands = [
    runCommand(),
    mergeCommand(),
    workerCommand(),
    queueCommand(),
    evalCommand(),
    inspectCommand(),
    gradCommand(),
    certifyCommand(),
    trainCommand(),
    planCommand(),
    validateCommand(),
    listCommand(),
    dataCommand(),
    doctorCommand(),
    reportCommand(),
    compareCommand(),
    verifyCommand(),
    claimsCommand(),
    leaderboardCommand(),
    initCommand(),
    pluginCommand(),
    schemaCommand(),
  ]
  for (const command of commands) program.addCommand(command)
  configure(program)
  return program
}

/** Makes a command and its subcommands reject unknown words with a suggestion. */
function configure(command: Command): void {
  command
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(forTerminal(text, process.stderr)),
    })
    .showSuggestionAfterError()
    .showHelpAfterError('(run with --help for usage)')
    .allowExcessArguments(false)
  if (command.commands.length > 0) command.helpCommand('help [command]', 'print help for a command')
  for (const child of command.commands) configure(child)
}
