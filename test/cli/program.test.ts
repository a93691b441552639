/** The help of every command fits 80 columns, and the program documents its exit codes. */
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { exitCodes } from '../../cli/failure.ts'
import { createProgram } from '../../cli/program.ts'

function helpOf(command: Command): string {
  let text = ''
  const writeOut = (part: string): void => {
    text += part
  }
  command.configureOutput({ writeOut, getOutHelpWidth: () => 80 }).outputHelp()
  return text
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

test.for(withSubcommands(createProgram()).map((command) => [command.name(), command] as const))(
  'the help of "%s" fits 80 columns and describes every option',
  ([, command]) => {
    expect(
      helpOf(command)
        .split('\n')
        .filter((line) => line.length > 80),
    ).toEqual([])
    for (const { flags, description } of command.options) {
      expect(description, flags).not.toBe('')
    }
  },
)

test('the program documents every exit code', () => {
  const help = helpOf(createProgram())
  for (const code of Object.values(exitCodes)) {
    expect(help).toMatch(new RegExp(`^  ${code} +\\w`, 'm'))
  }
})
