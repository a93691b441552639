/** From a result.json, or a folder that holds one, to a checked result. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../base/errors.ts'
import {
  cleanAccuracy,
  countCorrect,
  robustAccuracy,
  worstCaseRobustAccuracy,
} from '../metrics/accuracy.ts'
import { robustnessCurve } from '../metrics/curve.ts'
import { compileSchema } from '../../base/schema.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { resultSchema } from './result-schema.ts'
import type { CompletedAttack, ResultEntry, RunResult } from './result.ts'

/**
 * Reads and checks a result: its form, and that every accuracy is what its outcomes say.
 * @param path a result file, a folder with `result.json`, or a folder with one such folder in it
 * @throws ConfigError ROBENCH_DATA that names the file and the place in it
 */
export function readResult(path: string): RunResult {
  const file = locateResult(path)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError('ROBENCH_DATA', `${file}: cannot be read: ${String(cause)}`, { cause })
  }
  return checkResult(parseJsonText(text, file), file)
}

/** The result file that a path means. @throws ConfigError ROBENCH_DATA that says what was found instead. */
export function locateResult(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: no such file or folder; expected a result.json or a results folder, as robench run writes them`,
    )
  }
  if (!stat.isDirectory()) return path
  const here = join(path, 'result.json')
  if (isFile(here)) return here
  const below = readdirSync(path)
    .map((name) => join(path, name, 'result.json'))
    .filter(isFile)
    .toSorted()
  const [only, ...others] = below
  if (only !== undefined && others.length === 0) return only
  throw new ConfigError(
    'ROBENCH_DATA',
    only === undefined
      ? `${path}: expected a result.json in this folder, found none; has the run finished?`
      : `${path}: expected one result, found ${below.length}; name one of ${below.join(', ')}`,
  )
}

/** Checks a result that is already a JSON value. @param label what messages call it. @throws ConfigError ROBENCH_DATA with one line per mistake. */
export function checkResult(document: unknown, label: string): RunResult {
  const { value, problems } = compileSchema(resultSchema)(document)
  if (problems.length > 0) {
    throw new ConfigError(
      'ROBENCH_DATA',
      problems.map(({ pointer, message }) => `${label}#${pointer}: ${message}`).join('\n'),
    )
  }
  // The schema has just been checked, and is the type.
  const result = value as RunResult
  for (const [index, entry] of result.entries.entries()) {
    checkFigures(entry, `${label}#/entries/${index}`)
  }
  return result
}

/** Outcomes and figures must tell the same: a result edited by hand, or damaged, is refused. */
function checkFigures(entry: ResultEntry, where: string): void {
  const { cleanOutcomes, dataset } = entry
  const correct = countCorrect(cleanOutcomes)
  checkLength(cleanOutcomes, dataset.examples, `${where}/cleanOutcomes`)
  checkFigure(entry.cleanAccuracy, correct / dataset.examples, `${where}/cleanAccuracy`)
  const completed = []
  for (const [index, attack] of entry.attacks.entries()) {
    if (attack.state !== 'completed') continue
    const here = `${where}/attacks/${index}`
    checkLength(attack.outcomes, dataset.examples, `${here}/outcomes`)
    checkSameWrong(cleanOutcomes, attack.outcomes, `${here}/outcomes`)
    checkFigure(attack.robustAccuracy, robustAccuracy(attack.outcomes), `${here}/robustAccuracy`)
    attack.stages?.forEach((stage, place) => {
      const there = `${here}/stages/${place}`
      checkLength(stage.outcomes, dataset.examples, `${there}/outcomes`)
      checkSameWrong(cleanOutcomes, stage.outcomes, `${there}/outcomes`)
      checkFigure(stage.robustAccuracy, robustAccuracy(stage.outcomes), `${there}/robustAccuracy`)
    })
    checkExtras(attack, dataset.examples, here)
    completed.push(attack.outcomes)
  }
  const worst = worstCaseRobustAccuracy(completed)
  checkFigure(entry.worstCaseRobustAccuracy, worst, `${where}/worstCaseRobustAccuracy`)
}

/** Curve and corrupted accuracy against what they are counted from. */
function checkExtras({ curve, corrupted }: CompletedAttack, examples: number, where: string): void {
  if (corrupted) {
    checkLength(corrupted.correct, examples, `${where}/corrupted/correct`)
    checkFigure(corrupted.accuracy, cleanAccuracy(corrupted.correct), `${where}/corrupted/accuracy`)
  }
  if (!curve) return
  checkLength(curve.breakingEpsilons, examples, `${where}/curve/breakingEpsilons`)
  const counted = robustnessCurve(curve.breakingEpsilons, curve.epsilons)
  curve.epsilons.forEach((epsilon, place) => {
    const at = counted.epsilons.indexOf(epsilon)
    checkFigure(
      curve.robustAccuracies[place],
      counted.robustAccuracies[at],
      `${where}/curve/robustAccuracies/${place}`,
    )
  })
}

function checkLength(outcomes: ArrayLike<unknown>, examples: number, where: string): void {
  if (outcomes.length === examples) return
  throw new ConfigError(
    'ROBENCH_DATA',
    `${where}: expected ${examples} outcomes, one per example, got ${outcomes.length}`,
  )
}

function checkSameWrong(cleanOutcomes: string, outcomes: string, where: string): void {
  for (let i = 0; i < outcomes.length; i++) {
    if ((cleanOutcomes[i] === '0') === (outcomes[i] === 'w')) continue
    throw new ConfigError(
      'ROBENCH_DATA',
      `${where}: example ${i} is "${outcomes[i]}", but "${cleanOutcomes[i]}" in cleanOutcomes; ` +
        'an example is "w" exactly where it is "0" without attack',
    )
  }
}

function checkFigure(stated: number | undefined, counted: number | undefined, where: string): void {
  const same =
    stated === undefined || counted === undefined
      ? stated === counted
      : Math.abs(stated - counted) < 1e-9
  if (same) return
  throw new ConfigError(
    'ROBENCH_DATA',
    `${where}: says ${String(stated)}, but the outcomes give ${String(counted)}; the file was changed after the run`,
  )
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}
