/** `robench eval MODEL --vnnlib PROPERTY`: searches a counterexample of a property. */
import { readBytes, readText } from '../core/base/read-file.ts'
import { falsify } from '../core/bench/property/falsify.ts'
import type { Counterexample } from '../core/bench/property/falsify.ts'
import { parseVnnlib } from '../core/bench/property/vnnlib.ts'
import { loadModel } from '../core/model/load.ts'
import { plainManifest } from '../core/model/manifest.ts'
import { loadRegistry, locatePlugins } from '../core/plugin/load.ts'
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
  const property = parseVnnlib(
    readText(propertyPath, { code: 'ROBENCH_CONFIG', mostBytes: 2 ** 28 }),
    propertyPath,
  )
  const limits = { code: 'ROBENCH_MODEL_FILE', mostBytes: 2 ** 31 - 1 } as const
  const bytes = new Uint8Array(await readBytes(modelPath, limits))
  const model = await loadModel(bytes, plainManifest, { name: modelPath, threads, device })
  try {
    const found = await falsify({
      property,
      model,
      bytes,
      registry: await loadRegistry(locatePlugins([...plugin], [process.cwd()], '--plugin')),
      attacks: attack,
      seed: seed[0] ?? 0,
      signal: new AbortController().signal,
    })
    stdout.write(json ? `${jsonText(asJson(found))}\n` : asText(found))
  } finally {
    await model.dispose()
  }
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
