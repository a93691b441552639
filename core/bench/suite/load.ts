/** Loads a suite file: finds, parses, validates, and hashes it. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { ConfigError, didYouMean } from '../../base/errors.ts'
import { canonicalJson, hashJson } from '../../base/hash.ts'
import { packageRoot } from '../../base/paths.ts'
import { readText } from '../../base/read-file.ts'
import { compileSchema, refuseProblems, shown } from '../../base/schema.ts'
import { parseJsonText, parseYamlText } from '../../base/json-file.ts'
import { mostAttacks, mostCells, mostSuiteBytes, mostText } from './limits.ts'
import { countAttacks, suiteAttacks } from './matrix.ts'
import { suiteSchema } from './schema.ts'
import type { Suite } from './schema.ts'
import { suiteThreatModel } from './suite-threat.ts'

/** A validated suite and its origin. */
export interface LoadedSuite {
  readonly suite: Suite
  /** Name in messages: the path relative to the working directory, or another label. */
  readonly label: string
  /** Directory that paths in the suite are relative to. */
  readonly folder: string
  /** sha256 of the canonical JSON with defaults, without keys that change no outcome. */
  readonly sha256: string
  /** Whether the suite or the caller states `batchSize`. */
  readonly statesBatch?: true
}

/**
 * @param where the function that was called, for messages
 * @throws ConfigError for a value that does not come from `loadSuite`
 */
export function requireLoaded(loaded: LoadedSuite, where: string): void {
  const value: unknown = loaded
  if (typeof value === 'object' && value !== null && 'suite' in value && 'folder' in value) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${where}: expected a suite from loadSuite(path), got ${shown(value)}`,
  )
}

/** Keys of a suite that a caller may override. */
export interface SuiteOverrides {
  readonly limit?: number
  /** Number of examples of a stratified sample; its seed is the first one of the suite. */
  readonly sample?: number
  readonly batchSize?: number
  readonly seeds?: readonly number[]
  readonly timeLimitMs?: number
  readonly stallLimitMs?: number
  readonly memoryLimitMb?: number
  readonly checks?: boolean
}

/**
 * Finds a suite: the file at the path, or else a shipped suite by path or by name.
 * @throws ConfigError that lists the shipped suites
 */
export function locateSuite(path: string): string {
  const shipped = join(packageRoot(), 'suites')
  const tried = [
    resolve(path),
    join(packageRoot(), path),
    join(shipped, path),
    join(shipped, `${path}.json`),
  ]
  const found = tried.find((file) => isSuiteFile(file) && existsSync(file))
  if (found) return found
  if (path.endsWith('.onnx')) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${path}: expected a suite, got a model; attack one model with \`robench eval ${path}\``,
    )
  }
  if (existsSync(path)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${path}: expected a suite, a file that ends in .json or .yaml`,
    )
  }
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${path}: no such suite${didYouMean(basename(path, '.json'), shippedSuites())} ` +
      `(shipped: ${shippedSuites().join(', ')}; or pass the path of a .json or .yaml file)`,
  )
}

/** Whether a path ends as suites do. */
function isSuiteFile(path: string): boolean {
  return /\.(json|ya?ml)$/.test(path)
}

/** Names of the shipped suites, sorted. */
export function shippedSuites(): string[] {
  return readdirSync(join(packageRoot(), 'suites'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => basename(name, '.json'))
    .toSorted()
}

/** Reads a suite file. @throws ConfigError that names the file and the place in the file */
export function loadSuite(path: string, overrides: SuiteOverrides = {}): LoadedSuite {
  const file = locateSuite(path)
  const limits = { code: 'ROBENCH_CONFIG', mostBytes: mostSuiteBytes, name: path } as const
  const text = readText(file, limits)
  const fromHere = relative(process.cwd(), file)
  const label = fromHere.startsWith('..') ? path : fromHere
  const parse = file.endsWith('.json') ? parseJsonText : parseYamlText
  return checkSuite(parse(text, label), label, dirname(file), overrides)
}

/**
 * Validates a suite that is already a JSON value.
 * @param label name of the suite in messages
 * @param folder directory that paths in the suite are relative to
 * @throws ConfigError with one line per mistake
 */
export function checkSuite(
  document: unknown,
  label: string,
  folder: string,
  overrides: SuiteOverrides = {},
): LoadedSuite {
  const given =
    typeof document === 'object' && document !== null && !Array.isArray(document)
      ? overridden(document, overrides)
      : document
  const { value, problems } = compileSchema(suiteSchema)(given)
  refuseProblems(problems, `${label}#`, 'ROBENCH_CONFIG')
  // The schema has been checked.
  const suite = value as Suite
  if (suite.limit !== undefined && suite.sample) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${label}#/limit: contradicts the sample; use only one of them (--limit, --sample)`,
    )
  }
  refuseLargeSuite(suite, label)
  refuseSameThreatModels(suite, label)
  if (suite.defenses.every(({ role }) => role === 'surrogate')) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${label}#/defenses: all are surrogates, so there is nothing to evaluate; ` +
        'leave out a "role"',
    )
  }
  refuseNames(
    suite.defenses.map(({ name }) => name),
    `${label}#/defenses`,
  )
  refuseNames(
    suiteAttacks(suite).map(({ name }) => name),
    `${label}#/attacks`,
  )
  // Keys that change no outcome are not part of a suite's identity.
  const { $schema: _schema, batchSize: _batch, checks: _, ...rest } = suite
  const { timeLimitMs: _time, stallLimitMs: _stall, memoryLimitMb: _memory, ...content } = rest
  const statesBatch = Object.hasOwn(given as object, 'batchSize')
  return { suite, label, folder, sha256: hashJson(content), ...(statesBatch && { statesBatch }) }
}

/** A suite's document with the settings of the caller. A limit and a sample replace each other. */
function overridden(document: object, { sample, ...overrides }: SuiteOverrides): object {
  const given: object = { ...document, ...overrides }
  const { limit: _limit, ...rest } = given as { readonly limit?: unknown }
  if (sample === undefined) {
    if (overrides.limit === undefined) return given
    const { sample: _sample, ...limited } = given as { readonly sample?: unknown }
    return limited
  }
  if (overrides.limit !== undefined) return { ...given, sample: { count: sample } }
  const seeds: unknown = Reflect.get(given, 'seeds')
  const seed: unknown = Array.isArray(seeds) ? seeds[0] : 0
  return { ...rest, sample: { count: sample, seed } }
}

/** Refuses a suite with too many attacks or cells, before matrices are expanded. */
function refuseLargeSuite(suite: Suite, label: string): void {
  const attacks = countAttacks(suite)
  if (attacks > mostAttacks) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${label}#/attacks: expected at most ${mostAttacks} attacks, all combinations of matrices ` +
        `counted, got ${attacks}`,
    )
  }
  const defenses = suite.defenses.filter(({ role }) => role !== 'surrogate').length
  const rows = defenses * suite.threatModels.length
  if (rows * attacks > mostCells) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${label}: expected at most ${mostCells} cells, got ${rows * attacks}: ${defenses} defenses ` +
        `× ${suite.threatModels.length} threat models × ${attacks} attacks; divide the suite`,
    )
  }
}

/** Refuses threat models that differ in nothing but their curves: their cells would be the same. */
function refuseSameThreatModels(suite: Suite, label: string): void {
  const places = new Map<string, number>()
  suite.threatModels.forEach((_, index) => {
    const { curve: _curve, ...threatModel } = suiteThreatModel(suite, index, label)
    const key = canonicalJson(threatModel)
    const first = places.get(key)
    if (first !== undefined) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `${label}#/threatModels/${index}: is the same as /threatModels/${first}; leave one out`,
      )
    }
    places.set(key, index)
  })
}

/** Refuses names that are repeated or too long. */
function refuseNames(names: readonly string[], where: string): void {
  const places = new Map<string, number>()
  names.forEach((name, index) => {
    if (name.length > mostText.combinedName) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `${where}/${index}: the name "${name.slice(0, 40)}…" has ${name.length} characters, ` +
          `expected at most ${mostText.combinedName}`,
      )
    }
    const first = places.get(name)
    if (first !== undefined) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `${where}/${index}: the name "${name}" is already used by ` +
          `${where.split('#')[1]}/${first}; set a unique "name"`,
      )
    }
    places.set(name, index)
  })
}
