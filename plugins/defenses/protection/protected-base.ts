/** The base model of a defense that wraps a given file. */
import { loadModel, readModelFile } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { ConfigError, optionLimits } from '../../../core/api/plugin.ts'
import type { DefenseContext, DefenseResult, ModelManifest } from '../../../core/api/plugin.ts'

/** JSON Schema of the option `base`. */
export const baseProperty = {
  type: 'string',
  maxLength: optionLimits.path,
  description:
    'path of the .onnx file of the model to protect, relative to the suite; its card is read too',
} as const

/** A deterministic classifier, as an expression. */
export interface ProtectedBase {
  readonly inputShape: readonly [channels: number, height: number, width: number]
  readonly bounds: readonly [low: number, high: number]
  readonly classNames: readonly string[] | undefined
  /** Logits `[n, k]` of images `[n, c, h, w]`. */
  apply(images: Value): Value
}

/** What opening a base model needs of a defense's context. */
type BaseContext = Pick<DefenseContext, 'resolvePath' | 'dataset' | 'threads'>

/**
 * Opens the file of the option `base`, and closes it after `use`.
 * @throws ConfigError ROBENCH_CONFIG if the model draws random numbers, ROBENCH_MODEL_FILE if it is
 *   missing; GraphError if robench cannot express it as a graph
 */
export async function withProtectedBase<T>(
  context: BaseContext,
  base: string,
  use: (base: ProtectedBase) => T | Promise<T>,
): Promise<T> {
  const path = context.resolvePath(base)
  const { bytes, card } = await readModelFile(path, 'option base')
  return withModel(context, { bytes, manifest: card.manifest, name: path }, use)
}

/** Opens a model that a defense has just trained, and closes it after `use`. */
export function withTrainedBase<T>(
  context: BaseContext,
  { model, manifest }: DefenseResult,
  use: (base: ProtectedBase) => T | Promise<T>,
): Promise<T> {
  return withModel(context, { bytes: model, manifest, name: 'the trained model' }, use)
}

async function withModel<T>(
  { dataset, threads }: BaseContext,
  { bytes, manifest, name }: { bytes: Uint8Array; manifest: ModelManifest; name: string },
  use: (base: ProtectedBase) => T | Promise<T>,
): Promise<T> {
  const model = await loadModel(bytes, manifest, {
    name,
    inputShape: dataset.shape,
    classes: dataset.classNames.length,
    threads,
  })
  try {
    if (model.stochastic) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `option base: expected a deterministic model, but ${name} draws random numbers; ` +
          'its gradient would differ at each draw',
      )
    }
    const { inputShape, bounds } = model
    const { classNames } = manifest
    return await use({ inputShape, bounds, classNames, apply: (images) => model.apply(images) })
  } finally {
    await model.dispose()
  }
}
