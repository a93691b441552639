/** `robench eval MODEL --vnnlib PROPERTY`: searches a counterexample of a property. */
import { resolve } from 'node:path'
import { fromErrorRecord } from '../core/base/errors.ts'
import { hashBytes } from '../core/base/hash.ts'
import { readBytes, readText } from '../core/base/read-file.ts'
import { WorkerPool } from '../core/bench/execute/pool.ts'
import { falsify, searchCase } from '../core/bench/property/falsify.ts'
import type { Counterexample } from '../core/bench/property/falsify.ts'
import { parseVnnlib } from '../core/bench/property/vnnlib.ts'
import { loadModel } from '../core/model/load.ts'
import { plainManifest } from '../core/model/manifest.ts'
import { locatePlugins } from '../core/plugin/load.ts'
import type { PluginLocation } from '../core/plugin/load.ts'
import { readRegistry } from '../core/plugin/package-reader.ts'
import { jsonText } from '../reports/theme/printable.ts'

/** Options of the search. */
export interface VnnlibOptions {
  readonly attack?: readonly string[]
  readonly plugin?: readonly string[]
  readonly seed?: readonly number[]
  readonly threads: number
  readonly device: string
  readonly json?: boolean
}

/** Attacks that search by default, from the cheapest on. */
const defaultAttacks = ['pgd', 'apgd-t', 'fab-t', 'square']

/**
 * Prints `sat` and the counterexample in the form of the verification competition, or `unknown`.
 * @throws ConfigError for a property or a model that cannot be read, or that do not fit
 */
export async function evaluateProperty(
  modelPath: string,
  propertyPath: string,
  { attack = defaultAttacks, plugin = [], seed = [0], threads, device, json }: VnnlibOptions,
  stdout: { write(text: string): unknown } = process.stdout,
): Promise<void> {
  const text = readText(propertyPath, { code: 'ROBENCH_CONFIG', mostBytes: 2 ** 28 })
  const property = parseVnnlib(text, propertyPath)
  const limits = { code: 'ROBENCH_MODEL_FILE', mostBytes: 2 ** 31 - 1 } as const
  const bytes = new Uint8Array(await readBytes(modelPath, limits))
  const { signal } = new AbortController()
  const plugins = locatePlugins([...plugin], [process.cwd()], '--plugin')
  const { registry, close } = await readRegistry(plugins)
  const pool = searchPool(modelPath, bytes, plugins)
  try {
    const model = await loadModel(bytes, plainManifest, { name: modelPath, threads, device })
    const own = { model, registry, seed: seed[0] ?? 0, signal }
    const setting = { plugins: plugin, dataset: { id: '', sha256: '' }, device, threads }
    const elsewhere = async (id: string, at: number): Promise<Float32Array> => {
      const outcome = await pool.submit(
        {
          kind: 'property',
          setting,
          model: { sha256: hashBytes(bytes), label: modelPath, manifest: plainManifest },
          property: text,
          at,
          attack: id,
          seed: own.seed,
        },
        { timeLimitMs: 1e12, label: `attack "${id}"`, signal },
      )
      if (outcome.state === 'failed') throw fromErrorRecord(outcome.error)
      return Float32Array.from(outcome.value)
    }
    try {
      const search = (id: string, at: number): Promise<Float32Array> => {
        const provider = registry.packageOf('attack', id) ?? 'robench'
        const isOwn = provider === 'robench'
        return isOwn ? searchCase(property.cases[at]!, id, own) : elsewhere(id, at)
      }
      const found = await falsify({ property, model, bytes, attacks: attack, search })
      stdout.write(json ? `${jsonText(asJson(found))}\n` : asText(found))
    } finally {
      await model.dispose()
    }
  } finally {
    await pool.close()
    await close()
  }
}

/** One process for attacks of plugin packages, started when it is needed. */
function searchPool(
  path: string,
  bytes: Uint8Array,
  plugins: readonly PluginLocation[],
): WorkerPool {
  return new WorkerPool({
    workers: 1,
    content: {
      plugins,
      dataset: { id: '' },
      suiteFolder: process.cwd(),
      resultsFolder: '',
      models: { [hashBytes(bytes)]: resolve(path) },
    },
  })
}

function asJson(found: Counterexample | undefined): object {
  if (!found) return { verdict: 'unknown' }
  return { verdict: 'sat', inputs: [...found.inputs], outputs: [...found.outputs] }
}

function asText(found: Counterexample | undefined): string {
  if (!found) return 'unknown\n'
  const { inputs, outputs } = found
  const lines = [
    ...Array.from(inputs, (value, i) => `(X_${i} ${value})`),
    ...Array.from(outputs, (value, j) => `(Y_${j} ${value})`),
  ]
  return `sat\n(${lines.join('\n ')})\n`
}
