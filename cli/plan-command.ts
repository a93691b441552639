/** `robench plan`: shows the work of a run and estimates its cost. */
import { Command, InvalidArgumentError } from 'commander'
import type { AssumedRobustAccuracies } from '../core/bench/forecast/expected-passes.ts'
import { readResult } from '../core/bench/result/read-result.ts'
import { planSuite } from '../core/bench/execute/run.ts'
import { loadSuite } from '../core/bench/suite/load.ts'
import {
  addRunOptions,
  runSettings,
  suiteArgument,
  suiteOverrides,
  wholeNumber,
} from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { interruptible } from './execute.ts'
import { formatPlan } from './format-plan.ts'
import { openDisplay } from './progress.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

interface PlanOptions extends RunOptions {
  readonly robustAccuracy?: AssumedRobustAccuracies
  readonly like?: string
  /** True if given without a number. */
  readonly pilot?: number | true
}

/** Default sample of a pilot run. It leaves AutoAttack's cost about 3 % sampling error. */
const pilotExamples = 1000

/** The command `plan`. Throws errors; the main program prints them. */
export function planCommand(): Command {
  const command = new Command('plan')
    .description('validate a suite and estimate the cost of running it')
    .argument('<suite>', suiteArgument)
    .optionsGroup('Estimate:')
    .option(
      '--robust-accuracy <fraction>',
      'assume this robust accuracy, such as 0.35, or pgd-at=0.35 for one defense (repeatable)',
      collectRobustAccuracy,
    )
    .option('--like <result>', 'estimate from an earlier result, which may have fewer examples')
    .option(
      '--pilot [examples]',
      'run cheap attacks in full and expensive attacks on a sample (default: 1000 examples), ' +
        'then estimate the rest; robench run reuses this work',
      wholeNumber(1),
    )
  return addRunOptions(command).action(async (path: string, options: PlanOptions) => {
    const loaded = loadSuite(path, suiteOverrides(options))
    const like = options.like === undefined ? undefined : readResult(options.like)
    const display = openDisplay(process.stderr, options)
    const { robustAccuracy: robustAccuracies = {}, pilot } = options
    const request = {
      robustAccuracies,
      ...(like && { like }),
      ...(pilot !== undefined && { pilot: pilot === true ? pilotExamples : pilot }),
    }
    const { plan, expected } = await interruptible(
      (signal) =>
        planSuite(loaded, { ...runSettings(options), ...request, listener: display, signal }),
      display,
      process.argv.slice(2),
    )
    process.stdout.write(
      options.json
        ? `${jsonText({ ...plan, ...(expected && { expected }) })}\n`
        : printable(formatPlan(plan, expected)),
    )
    if (expected?.basis === 'survey' && plan.unitsDone < plan.units) {
      display.notice('--pilot measures the cost on a part of the run')
    }
  })
}

/** Collects `fraction` for all defenses or `name=fraction` for one. */
function collectRobustAccuracy(
  text: string,
  previous: AssumedRobustAccuracies = {},
): AssumedRobustAccuracies {
  const [, name = '*', fraction] = /^(?:(.+)=)?([\d.]+)$/.exec(text) ?? []
  const value = Number(fraction)
  if (fraction === undefined || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('Expected a fraction from 0 to 1, such as 0.35 or pgd-at=0.35.')
  }
  return { ...previous, [name]: value }
}
