/** A run that faults of the machine disturb, and what it would be without them. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../../core/base/paths.ts'
import { robench, temporaryFolder, writeJson } from './cli.ts'
import { outcomesOf, readOnlyResult } from './suite.ts'

const suite = {
  id: 'faults',
  title: 'Faults',
  dataset: { id: 'quickstart' },
  limit: 60,
  checks: false,
  threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
  defenses: ['standard', 'pgd-at'].map((name) => ({
    name,
    plugin: 'onnx-model',
    options: { file: join(packageRoot(), `models/quickstart-${name}.onnx`) },
  })),
  attacks: [{ plugin: 'fgsm' }, { plugin: 'pgd', options: { steps: 20 } }],
  seeds: [0, 1, 2],
}

/** The words of the run: it writes to `results`. */
export const runWords = ['run', 'suite.json', '--workers', '2']

/** A new directory with the suite. */
export function faultsFolder(): string {
  const folder = temporaryFolder()
  writeJson(folder, 'suite.json', suite)
  return folder
}

let calm: Promise<Record<string, string>> | undefined

/** The outcomes of an undisturbed run, which is made once. */
export function calmOutcomes(): Promise<Record<string, string>> {
  calm ??= (async (): Promise<Record<string, string>> => {
    const folder = faultsFolder()
    await robench(folder, ...runWords)
    return outcomesOf(readOnlyResult(folder))
  })()
  return calm
}

/** Processes that a process has started; none if the system does not say. */
export function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

/** Whether a process runs: one that has ended, or of which only the entry is left, does not. */
export function isAlive(pid: number): boolean {
  const file = `/proc/${pid}/stat`
  return existsSync(file) && !/\) Z /.test(readFileSync(file, 'utf8'))
}

/** Waits, in milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Waits for a condition. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(20)
}

/** The number of completed units of the only run below `folder`, without temporary files. */
export function completedUnits(folder: string): number {
  const results = join(folder, 'results')
  if (!existsSync(results)) return 0
  const [only] = readdirSync(results)
  const units = join(results, only ?? '', 'units')
  if (only === undefined || !existsSync(units)) return 0
  return readdirSync(units).filter((name) => name.endsWith('.json')).length
}
