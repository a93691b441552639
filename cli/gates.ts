/** Gates for continuous integration: conditions under which `run` and `report` exit with code 1. */
import { Option } from 'commander'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { percent } from '../core/base/figures.ts'
import type { ResultEntry, RunResult } from '../core/bench/result/result.ts'
import { nameOfEntry } from '../core/bench/verify/recount.ts'

/** The values of the options that `addGateOptions` adds. */
export interface GateOptions {
  readonly failOn?: 'check'
  /** Least worst-case robust accuracy, in [0, 1]. */
  readonly failBelow?: number
}

/** Adds the options of gates. */
export function addGateOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--fail-on <event>',
        'exit with code 1 if a reliability check failed or was not made',
      ).choices(['check']),
    )
    .option(
      '--fail-below <fraction>',
      'exit with code 1 if a worst-case accuracy is lower, such as 0.30',
      fraction,
    )
}

/** Why the gates are not passed, one text per reason; empty if they are. */
export function missedGates({ entries }: RunResult, { failOn, failBelow }: GateOptions): string[] {
  return entries.flatMap((entry) => [
    ...(failOn === 'check' ? missedChecks(entry) : []),
    ...(failBelow === undefined ? [] : missedAccuracy(entry, failBelow)),
  ])
}

function missedChecks(entry: ResultEntry): string[] {
  return (entry.checks ?? [])
    .filter(({ verdict }) => verdict === 'fail' || verdict === 'not-made')
    .map(({ id, verdict, evidence }) => {
      const what = verdict === 'fail' ? 'failed' : 'was not made'
      return `${nameOfEntry(entry)}: check ${id} ${what}: ${evidence}`
    })
}

function missedAccuracy(entry: ResultEntry, least: number): string[] {
  const { worstCaseRobustAccuracy: accuracy } = entry
  if (accuracy === undefined) return [`${nameOfEntry(entry)}: no attack was completed`]
  if (accuracy >= least) return []
  return [`${nameOfEntry(entry)}: worst case ${percent(accuracy)}, below ${percent(least)}`]
}

function fraction(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= 1) return value
  throw new InvalidArgumentError('Expected a fraction from 0 to 1, such as 0.30.')
}
