/** Reads and validates a result.json, given its path or its directory. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../base/errors.ts'
import {
  cleanAccuracy,
  countCorrect,
  robustAccuracy,
  worstCaseRobustAccuracy,
} from '../metrics/accuracy.ts'
import { drawAccuracies } from '../metrics/draws.ts'
import { robustnessCurve, worstCaseCurve } from '../metrics/curve.ts'
import type { RobustnessCurve } from '../metrics/curve.ts'
import { compileSchema, refuseProblems } from '../../base/schema.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { readText } from '../../base/read-file.ts'
import { resultSchema } from './result-schema.ts'
import type { CompletedAttack, ResultEntry, RunResult } from './result.ts'

/**
 * Reads and validates a result: its schema, and that every accuracy follows from its outcomes.
 * @param path a result file, a directory with `result.json`, or a directory with one such directory
 * @throws ConfigError ROBENCH_DATA that names the file and the place in the file
 */
export function readResult(path: string): RunResult {
  const file = locateResult(path)
  return checkResult(parseFile(file), file)
}

/**
 * Reads a result and validates its schema only: its accuracies may disagree with its outcomes.
 * @param path as for `readResult`
 * @throws ConfigError ROBENCH_DATA that names the file and the place in the file
 */
export function readUnverifiedResult(path: string): RunResult {
  const file = locateResult(path)
  return checkForm(parseFile(file), file)
}

/** Largest result: a text in memory cannot be larger. */
const mostResultBytes = 2 ** 29 - 2 ** 20

function parseFile(file: string): unknown {
  const text = readText(file, { code: 'ROBENCH_DATA', mostBytes: mostResultBytes })
  return parseJsonText(text, file)
}

/**
 * Finds the result file for a path.
 * @throws ConfigError ROBENCH_DATA if there is none or more than one
 */
export function locateResult(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: no such file or directory; expected a result.json or a results directory of ` +
        'robench run',
    )
  }
  if (!stat.isDirectory()) return path
  const here = join(path, 'result.json')
  // A pipe is refused when it is read.
  if (statSync(here, { throwIfNoEntry: false })?.isDirectory() === false) return here
  const below = readdirSync(path)
    .map((name) => join(path, name, 'result.json'))
    .filter(isFile)
    .toSorted()
  const [only, ...others] = below
  if (only !== undefined && others.length === 0) return only
  throw new ConfigError(
    'ROBENCH_DATA',
    only === undefined
      ? `${path}: expected a result.json in this directory, found none; has the run completed?`
      : `${path}: expected one result, found ${below.length}; choose one of ${below.join(', ')}`,
  )
}

/**
 * Validates a result that is already a JSON value.
 * @param label its name in messages
 * @throws ConfigError ROBENCH_DATA with one line per mistake
 */
export function checkResult(document: unknown, label: string): RunResult {
  const result = checkForm(document, label)
  for (const [index, entry] of result.entries.entries()) {
    checkFigures(entry, `${label}#/entries/${index}`)
  }
  return result
}

function checkForm(document: unknown, label: string): RunResult {
  const { value, problems } = compileSchema(resultSchema)(document)
  refuseProblems(problems, `${label}#`, 'ROBENCH_DATA')
  // The schema has been checked, and matches the type.
  return value as RunResult
}

/**
 * Rejects a result whose accuracies do not follow from its outcomes, as after an edit or damage.
 */
function checkFigures(entry: ResultEntry, where: string): void {
  const { cleanOutcomes, dataset } = entry
  const correct = countCorrect(cleanOutcomes)
  checkLength(cleanOutcomes, dataset.examples, `${where}/cleanOutcomes`)
  checkFigure(entry.cleanAccuracy, correct / dataset.examples, `${where}/cleanAccuracy`)
  const completed: CompletedAttack[] = []
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
    completed.push(attack)
  }
  const worst = worstCaseRobustAccuracy(completed.map(({ outcomes }) => outcomes))
  checkFigure(entry.worstCaseRobustAccuracy, worst, `${where}/worstCaseRobustAccuracy`)
  if (!entry.worstCaseCurve) return
  const { breakingEpsilons } = worstCaseCurve(completed, entry.threatModel.epsilon) ?? {
    breakingEpsilons: [],
  }
  checkCurve(
    { ...entry.worstCaseCurve, breakingEpsilons },
    dataset.examples,
    `${where}/worstCaseCurve`,
  )
}

/** Checks curve, corrupted accuracy, and draws against their outcomes. */
function checkExtras(
  { outcomes, curve, corrupted, draws }: CompletedAttack,
  examples: number,
  where: string,
): void {
  if (corrupted) {
    checkLength(corrupted.correct, examples, `${where}/corrupted/correct`)
    checkFigure(corrupted.accuracy, cleanAccuracy(corrupted.correct), `${where}/corrupted/accuracy`)
  }
  if (draws) {
    checkLength(draws.correct, examples, `${where}/draws/correct`)
    const counted = drawAccuracies(outcomes, draws)
    for (const kind of ['mean', 'majority', 'any'] as const) {
      for (const key of ['robustAccuracy', 'low', 'high'] as const) {
        checkFigure(draws[kind][key], counted[kind][key], `${where}/draws/${kind}/${key}`)
      }
    }
  }
  if (curve) checkCurve(curve, examples, `${where}/curve`)
}

/** Checks the accuracies of a curve against its breaking points. */
function checkCurve(curve: RobustnessCurve, examples: number, where: string): void {
  checkLength(curve.breakingEpsilons, examples, `${where}/breakingEpsilons`)
  const counted = robustnessCurve(curve.breakingEpsilons, curve.epsilons)
  curve.epsilons.forEach((epsilon, place) => {
    const at = counted.epsilons.indexOf(epsilon)
    checkFigure(
      curve.robustAccuracies[place],
      counted.robustAccuracies[at],
      `${where}/robustAccuracies/${place}`,
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
        'an example must be "w" if and only if it is "0" in cleanOutcomes',
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
    `${where}: is ${String(stated)}, but the outcomes yield ${String(counted)}; the file was ` +
      'changed after the run',
  )
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}
