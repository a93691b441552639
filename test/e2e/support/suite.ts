/** A small suite on the tiny problem with fixture plugins, for tests to vary. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RunResult } from '../../../core/bench/result/result.ts'
import type { UnitOutcome } from '../../../core/bench/store/unit-outcome.ts'
import { fixturePlugins } from './cli.ts'

export interface TestAttack {
  readonly name?: string
  readonly plugin: string
  readonly options?: Readonly<Record<string, unknown>>
}

/** A suite with one defense, the model `tiny.onnx`, and the given attacks. */
export function testSuite(
  attacks: readonly TestAttack[],
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    id: 'test',
    title: 'A test',
    plugins: [fixturePlugins],
    dataset: { inputs: 'inputs.npy', labels: 'labels.npy' },
    threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
    defenses: [{ name: 'tiny', plugin: 'test/file', options: { path: 'tiny.onnx' } }],
    attacks,
    // Probes take longer than the attacks of these tests.
    checks: false,
    ...more,
  }
}

/** The only results directory below `folder`. */
export function onlyResults(folder: string, results = 'results'): string {
  const [only] = readdirSync(join(folder, results))
  return join(folder, results, only!)
}

/** The result of the only run below `folder`. */
export function readOnlyResult(folder: string, results?: string): RunResult {
  const path = join(onlyResults(folder, results), 'result.json')
  return JSON.parse(readFileSync(path, 'utf8')) as RunResult
}

/** All per-example outcomes of a result, by defense, attack, and seed. */
export function outcomesOf(result: RunResult): Record<string, string> {
  const outcomes: Record<string, string> = {}
  for (const { defense, cleanOutcomes, attacks } of result.entries) {
    outcomes[defense.name] = cleanOutcomes
    for (const attack of attacks) {
      outcomes[`${defense.name} ${attack.attack.name} ${attack.seed}`] =
        attack.state === 'completed' ? attack.outcomes : attack.error.code
    }
  }
  return outcomes
}

/**
 * Completed units by file name, with their modification times, which show whether one ran again.
 */
export function unitTimes(folder: string): Map<string, number> {
  const units = join(onlyResults(folder), 'units')
  const names = readdirSync(units).filter((name) => name.endsWith('.json'))
  return new Map(names.map((name) => [name, statSync(join(units, name)).mtimeMs]))
}

/** The outcome of a completed unit. */
export function readUnit(folder: string, name: string): UnitOutcome {
  const text = readFileSync(join(onlyResults(folder), 'units', name), 'utf8')
  return (JSON.parse(text) as { outcome: UnitOutcome }).outcome
}

/** All of a result but times and machine: entries with every outcome, pass count, and check. */
export function contentOf(result: RunResult): unknown {
  const { startedAt: _start, finishedAt: _end, command: _command, ...rest } = result
  const { environment: _environment, evidence: _evidence, ...content } = rest
  return JSON.parse(
    JSON.stringify(content, (key, value: unknown) => (key === 'elapsedMs' ? 0 : value)),
  )
}
