/** Loads the model that a defense wraps. */
import { loadModel, readModelFile } from '../../../core/api/graph.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import type { DefenseContext } from '../../../core/api/plugin.ts'

/** A model as an expression; `dispose` frees its sessions. */
export type BaseModel = Awaited<ReturnType<typeof loadModel>>

/** JSON Schema of the option `base`. Its role is `path`. */
export const baseSchema = {
  type: 'string',
  description:
    'path of the .onnx file of the model to protect, relative to the suite; its card is read ' +
    'too',
} as const

/** A loaded base model, and what its card says. */
export interface LoadedBase {
  readonly base: BaseModel
  readonly classNames: readonly string[] | undefined
}

/**
 * Loads the file of the option `base` with its card.
 * @throws ConfigError ROBENCH_CONFIG for a model that draws random numbers
 */
export async function loadBase({
  options,
  resolvePath,
  dataset,
  threads,
}: DefenseContext<{ readonly base: string }>): Promise<LoadedBase> {
  const path = resolvePath(options.base)
  const file = await readModelFile(path, 'option base')
  const base = await loadModel(file.bytes, file.card.manifest, {
    name: path,
    inputShape: dataset.shape,
    threads,
  })
  if (!base.stochastic) return { base, classNames: file.card.manifest.classNames }
  await base.dispose()
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `option base: expected a deterministic model, but ${path} draws random numbers; ` +
      'its gradient would differ at each draw',
  )
}
