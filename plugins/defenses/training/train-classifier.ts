/** Trains a classifier in the context of a defense: shared by `standard` and `pgd-at`. */
import { plainManifest } from '../../../core/api/plugin.ts'
import type { DefenseContext, DefenseResult } from '../../../core/api/plugin.ts'
import { train } from '../../../core/api/training.ts'
import type { Adversary, ScheduleName } from '../../../core/api/training.ts'

/** The options described in `trainingProperties`, after validation. */
export interface ClassifierOptions {
  readonly network: { readonly id: string; readonly options?: Readonly<Record<string, unknown>> }
  readonly epochs: number
  readonly batchSize: number
  readonly learningRate: number
  readonly momentum: number
  readonly nesterov: boolean
  readonly weightDecay: number
  readonly schedule: ScheduleName
  readonly warmup: number
  readonly crop: number
  readonly flip: boolean
  readonly validation: number
  readonly averaging: number
}

/**
 * Trains the network chosen in the options.
 * @param identity id and version of the defense; checkpoints of another identity are not resumed
 * @param adversary trains on its examples instead of clean ones
 */
export async function trainClassifier(
  context: DefenseContext<ClassifierOptions>,
  identity: string,
  adversary?: Adversary,
): Promise<DefenseResult> {
  const { options, dataset, seed, threads, signal, checkpointFolder } = context
  const network = await context.network(options.network.id, options.network.options ?? {})
  const data = await context.loadTrain()
  const started = performance.now()
  const outcome = await train({
    ...options,
    network,
    data,
    augmentation: { crop: options.crop, flip: options.flip },
    ...(adversary && { adversary }),
    seed,
    threads,
    signal,
    identity: JSON.stringify([identity, options, adversary ?? null]),
    checkpointFolder,
    progress: (state) => context.progress(state),
  })
  return {
    model: outcome.model,
    manifest: { ...plainManifest, classNames: dataset.classNames },
    training: {
      defense: identity,
      options,
      ...(adversary && { adversary }),
      network: network.title,
      parameters: outcome.parameters,
      data: dataset.id,
      examples: data.count - options.validation,
      seed,
      epochs: outcome.epochs,
      trainingMs: outcome.epochs.reduce((sum, epoch) => sum + epoch.elapsedMs, 0),
      lastSessionMs: Math.round(performance.now() - started),
      threads,
    },
  }
}
