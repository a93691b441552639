/** Loads TensorFlow.js, which is an optional dependency, with its fastest installed back-end. */
import { createRequire } from 'node:module'
import type * as tfjs from '@tensorflow/tfjs-core'
import { ConfigError } from '../../../base/errors.ts'

/** The functions of TensorFlow.js. */
export type Tf = typeof tfjs
/** A tensor of TensorFlow.js. */
export type TfTensor = tfjs.Tensor

/** TensorFlow.js with a back-end that is ready. */
export interface TfjsBackend {
  readonly tf: Tf
  /** `tensorflow`, `wasm`, or `cpu`. */
  readonly name: string
}

/** Packages that contain a native back-end and all functions, the fastest first. */
const nativePackages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const

const corePackage = '@tensorflow/tfjs-core'

/** Portable back-ends for `corePackage`, the fastest first. */
const portableBackends = ['wasm', 'cpu'] as const

const install =
  'install it with: npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm ' +
  '(or @tensorflow/tfjs-node, or @tensorflow/tfjs-node-gpu)'

let opened: Promise<TfjsBackend> | undefined

/**
 * TensorFlow.js, loaded on the first call.
 * @throws ConfigError ROBENCH_CONFIG with the line that installs it
 */
export function openTfjs(): Promise<TfjsBackend> {
  opened ??= activate(importIfInstalled)
  return opened
}

/** The engine as results name it: `TensorFlow.js 4.22.0 (wasm)`. */
export async function describeTfjs(): Promise<string> {
  const { tf, name } = await openTfjs()
  return `TensorFlow.js ${tf.version_core} (${name})`
}

/**
 * The first native package that is installed, or else the core with its fastest portable back-end.
 * @param load undefined if a package is missing
 * @throws as `openTfjs`
 */
export async function activate(
  load: (name: string) => Promise<Tf | undefined>,
): Promise<TfjsBackend> {
  for (const name of nativePackages) {
    const tf = await load(name)
    if (tf) return prepare(tf, 'tensorflow')
  }
  const tf = await load(corePackage)
  if (!tf) {
    throw new ConfigError('ROBENCH_CONFIG', `engine tfjs: TensorFlow.js is missing; ${install}`)
  }
  for (const backend of portableBackends) {
    if (await load(`@tensorflow/tfjs-backend-${backend}`)) return prepare(tf, backend)
  }
  throw new ConfigError('ROBENCH_CONFIG', `engine tfjs: it has no back-end; ${install}`)
}

async function prepare(tf: Tf, name: string): Promise<TfjsBackend> {
  // Otherwise it prints advice to the terminal.
  tf.env().set('PROD', true)
  await tf.setBackend(name)
  await tf.ready()
  return { tf, name }
}

/** Undefined if the package is missing. Native packages are CommonJS, with all names in `default`. */
async function importIfInstalled(name: string): Promise<Tf | undefined> {
  if (!isInstalled(name)) return undefined
  try {
    const loaded: Tf & { readonly default?: Tf } = await import(name)
    return loaded.default ?? loaded
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError('ROBENCH_CONFIG', `engine tfjs: ${name} cannot be loaded: ${reason}`, {
      cause: error,
    })
  }
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch {
    return false
  }
}
