/** `robench eval MODEL --vnnlib PROPERTY`: searches a counterexample of a property. */
import { readFile } from 'node:fs/promises'
import { ConfigError } from '../core/base/errors.ts'
import { falsify } from '../core/bench/property/falsify.ts'
import type { Counterexample } from '../core/bench/property/falsify.ts'
import { parseVnnlib } from '../core/bench/property/vnnlib.ts'
import { loadModel } from '../core/model/load.ts'
import { plainManifest } from '../core/model/manifest.ts'
import { loadRegistry, locatePlugins } from '../core/plugin/load.ts'

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
  const property = parseVnnlib(await readText(propertyPath), propertyPath)
  const bytes = new Uint8Array(await readFile(modelPath).catch(notFound(modelPath)))
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
    stdout.write(json ? `${JSON.stringify(asJson(found), undefined, 2)}\n` : asText(found))
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

async function readText(path: string): Promise<string> {
  return (await readFile(path).catch(notFound(path))).toString('utf8')
}

function notFound(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new ConfigError('ROBENCH_CONFIG', `${path}: cannot be read (${String(cause)})`, { cause })
  }
}
