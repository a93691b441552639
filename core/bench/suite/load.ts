/** From a suite file to a checked suite: found, parsed, validated, hashed. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { ConfigError, didYouMean } from '../../base/errors.ts'
import { hashJson } from '../../base/hash.ts'
import { packageRoot } from '../../base/paths.ts'
import { compileSchema } from '../../base/schema.ts'
import { parseEpsilon } from '../../threat/epsilon.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { transformRecord } from '../../threat/transforms/table.ts'
import type { Transform } from '../../threat/transforms/table.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { suiteAttacks } from './matrix.ts'
import { suiteSchema } from './schema.ts'
import type { Suite } from './schema.ts'

/** A suite and where it came from. */
export interface LoadedSuite {
  readonly suite: Suite
  /** For messages: the path as the user may read it, or what stands for it. */
  readonly label: string
  /** Paths in the suite are relative to this folder. */
  readonly folder: string
  /** sha256 of the suite's canonical JSON, defaults filled in, without batch size and time limit. */
  readonly sha256: string
}

/** What a command line may change in a suite. */
export interface SuiteOverrides {
  readonly limit?: number
  readonly batchSize?: number
  readonly seeds?: readonly number[]
  readonly timeLimitMs?: number
  readonly checks?: boolean
}

/**
 * Finds a suite: the path itself, or else one of the suites shipped with robench, by path or by bare name.
 * @throws ConfigError with what there is
 */
export function locateSuite(path: string): string {
  const shipped = join(packageRoot(), 'suites')
  const tried = [
    resolve(path),
    join(packageRoot(), path),
    join(shipped, path),
    join(shipped, `${path}.json`),
  ]
  const found = tried.find((candidate) => candidate.endsWith('.json') && existsSync(candidate))
  if (found) return found
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${path}: no such suite${didYouMean(basename(path, '.json'), shippedSuites())} ` +
      `(shipped: ${shippedSuites().join(', ')}; or give the path of a .json file)`,
  )
}

/** The names of the suites that come with robench, sorted. */
export function shippedSuites(): string[] {
  return readdirSync(join(packageRoot(), 'suites'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => basename(name, '.json'))
    .toSorted()
}

/** Reads a suite file. @throws ConfigError that names the file and the place in it */
export function loadSuite(path: string, overrides: SuiteOverrides = {}): LoadedSuite {
  const file = locateSuite(path)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError('ROBENCH_CONFIG', `${path}: cannot be read: ${String(cause)}`, { cause })
  }
  const fromHere = relative(process.cwd(), file)
  const label = fromHere.startsWith('..') ? path : fromHere
  return checkSuite(parseJsonText(text, label), label, dirname(file), overrides)
}

/** Checks a suite that is already a JSON value. @throws ConfigError with one line per mistake */
export function checkSuite(
  document: unknown,
  label: string,
  folder: string,
  overrides: SuiteOverrides = {},
): LoadedSuite {
  const given =
    typeof document === 'object' && document !== null && !Array.isArray(document)
      ? { ...document, ...overrides }
      : document
  const { value, problems } = compileSchema(suiteSchema)(given)
  if (problems.length > 0) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      problems.map(({ pointer, message }) => `${label}#${pointer}: ${message}`).join('\n'),
    )
  }
  // The schema has just been checked.
  const suite = value as Suite
  suite.threatModels.forEach((_, index) => suiteThreatModel(suite, index, label))
  refuseSameNames(
    suite.defenses.map(({ name }) => name),
    `${label}#/defenses`,
  )
  refuseSameNames(
    suiteAttacks(suite).map(({ name }) => name),
    `${label}#/attacks`,
  )
  // What changes no number is no part of a suite's identity.
  const { $schema: _schema, batchSize: _batch, timeLimitMs: _time, checks: _, ...content } = suite
  return { suite, label, folder, sha256: hashJson(content) }
}

/** A threat model as a suite states it: bounds are those of the data. */
export interface SuiteThreatModel extends Omit<ThreatModel, 'bounds'> {
  /** Further sizes of the ball, ascending. */
  readonly curve?: readonly number[]
}

/** A threat model of the suite in numbers. @throws ConfigError if a size is no positive number or fraction, or a range leaves out what is neutral */
export function suiteThreatModel(suite: Suite, index: number, label: string): SuiteThreatModel {
  const { norm, epsilon, transform: given, curve } = suite.threatModels[index]!
  const where = `${label}#/threatModels/${index}`
  const sizes = curve?.map((size, place) => parseEpsilon(size, `${where}/curve/${place}`))
  // The schema of the suite has been checked.
  const transform = given as Transform | undefined
  if (transform) checkTransform(transform, `${where}/transform`)
  const alone = transform !== undefined && (epsilon === undefined || Number(epsilon) === 0)
  return {
    norm,
    epsilon: alone ? 0 : parseEpsilon(epsilon, `${where}/epsilon`),
    ...(transform && { transform }),
    ...(sizes && { curve: sizes.toSorted((a, b) => a - b) }),
  }
}

/** @throws ConfigError for limits of a transform that its kind refuses */
function checkTransform(transform: Transform, where: string): void {
  const problem = transformRecord(transform.kind).check(transform)
  if (problem === undefined) return
  throw new ConfigError('ROBENCH_CONFIG', `${where}${problem.pointer}: ${problem.message}`)
}

function refuseSameNames(names: readonly string[], where: string): void {
  names.forEach((name, index) => {
    const first = names.indexOf(name)
    if (first === index) return
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}/${index}: the name "${name}" is already that of ${where.split('#')[1]}/${first}; give it a "name" of its own`,
    )
  })
}
