/** Trains a recipe in the context of a defense. */
import { plainManifest } from '../../../core/api/plugin.ts'
import type {
  DefenseContext,
  DefenseResult,
  ModelManifest,
  ThreatModel,
} from '../../../core/api/plugin.ts'
import {
  augment,
  channelStatistics,
  classifierModule,
  runTraining,
  sgd,
  splitRows,
} from '../../../core/api/training.ts'
import type {
  Module,
  ParameterGroup,
  ScheduleName,
  TrainingBatch,
  TrainingRecipe,
} from '../../../core/api/training.ts'
import type { Dataset } from '../../../core/api/training.ts'
import type { FloatTensor, Value } from '../../../core/api/graph.ts'

/** The options described in `trainingProperties`, after validation. */
export interface TrainedOptions {
  readonly network: { readonly id: string; readonly options?: Readonly<Record<string, unknown>> }
  readonly epochs: number
  readonly batchSize: number
  readonly learningRate: number
  readonly momentum: number
  readonly nesterov: boolean
  readonly weightDecay: number
  readonly schedule: ScheduleName
  readonly milestones?: readonly number[]
  readonly warmup: number
  readonly crop: number
  readonly flip: boolean
  readonly validation: number
  readonly averaging: number
  readonly swaFrom?: number
  readonly clipNorm?: number
  readonly keep: 'last' | 'best'
}

/** A classifier `[n, c, h, w]` to logits `[n, k]`. */
export type Classifier = Module<[images: Value], Value>

/** What a defense builds its recipe from. */
export interface RecipeParts {
  readonly data: Dataset
  readonly classes: number
  /** The network of the options, with its normalization. */
  readonly classifier: Classifier
  /** A further classifier of the same architecture, such as one for another view of the image. */
  classifierNamed(
    name: string,
    normalization?: { readonly mean: readonly number[]; readonly std: readonly number[] },
  ): Classifier
  /** A group with the optimizer of the options. */
  group(name: string, modules: readonly Module[]): ParameterGroup
  /** The batch's images, cropped and flipped as the options say. */
  augmented(batch: TrainingBatch, stream?: string): FloatTensor
}

/** A recipe, and what the model card says beside the options. */
export interface DefenseRecipe {
  readonly recipe: TrainingRecipe
  /** Measures robust accuracy on held-out examples after each epoch. */
  readonly threatModel?: ThreatModel
  readonly manifest?: Partial<ModelManifest>
  readonly facts?: Readonly<Record<string, unknown>>
}

/**
 * Trains the recipe that `build` returns.
 * @param identity id and version of the defense; checkpoints of another identity are not resumed
 */
export async function trainRecipe<Options extends TrainedOptions>(
  context: DefenseContext<Options>,
  identity: string,
  build: (parts: RecipeParts) => DefenseRecipe | Promise<DefenseRecipe>,
): Promise<DefenseResult> {
  const { options, dataset, seed } = context
  const network = await context.network(options.network.id, options.network.options ?? {})
  const data = await context.loadTrain()
  const { examples } = splitRows(data, seed, options.validation)
  const statistics = channelStatistics(data, examples)
  const built = await build({
    data,
    classes: dataset.classNames.length,
    classifier: classifierModule(network, statistics),
    classifierNamed: (name, normalization = statistics) =>
      classifierModule(network, normalization, name),
    group: (name, modules) => groupOf(options, name, modules),
    augmented(batch, stream = 'augment') {
      const images = batch.images()
      augment(images, options, (example) => batch.random(stream, example))
      return images
    },
  })
  return runDefenseTraining(context, identity, data, built, network.title)
}

/** Options of any training. */
type LoopOptions = Pick<TrainedOptions, 'epochs' | 'batchSize' | 'validation' | 'keep'>

/**
 * Runs a training and describes it in the model card.
 * @param identity as of `trainRecipe`; the facts of the recipe are part of it
 * @param network the title of the trained network
 */
export async function runDefenseTraining<Options extends LoopOptions>(
  context: DefenseContext<Options>,
  identity: string,
  data: Dataset,
  { recipe, threatModel, manifest, facts }: DefenseRecipe,
  network?: string,
): Promise<DefenseResult> {
  const { options, dataset, seed, threads, device, signal, checkpointFolder } = context
  const { epochs, batchSize, validation, keep } = options
  const started = performance.now()
  const outcome = await runTraining(recipe, {
    data,
    epochs,
    batchSize,
    validation,
    keep,
    threatModel,
    seed,
    threads,
    device,
    signal,
    identity: JSON.stringify([identity, options, context.threatModel, facts ?? null]),
    checkpointFolder,
    progress: (state) => context.progress(state),
  })
  return {
    model: outcome.model,
    manifest: { ...plainManifest, classNames: dataset.classNames, ...manifest },
    training: {
      defense: identity,
      options,
      ...facts,
      ...(network !== undefined && { network }),
      parameters: outcome.parameters,
      data: dataset.id,
      examples: data.count - validation,
      seed,
      epochs: outcome.epochs,
      ...(keep === 'best' && { modelEpoch: outcome.modelEpoch }),
      trainingMs: outcome.epochs.reduce((sum, epoch) => sum + epoch.elapsedMs, 0),
      lastSessionMs: Math.round(performance.now() - started),
      threads,
      ...(device !== 'cpu' && { device }),
    },
  }
}

function groupOf(
  options: TrainedOptions,
  name: string,
  modules: readonly Module[],
): ParameterGroup {
  const { learningRate, schedule, milestones, warmup, averaging, swaFrom, clipNorm } = options
  return {
    name,
    modules,
    optimizer: sgd(options),
    rate: learningRate,
    schedule: milestones ? { milestones } : schedule,
    warmup,
    ...(clipNorm !== undefined && { clipNorm }),
    ...(swaFrom === undefined
      ? averaging > 0 && { averaging: { kind: 'ema', decay: averaging } }
      : { averaging: { kind: 'swa', from: swaFrom } }),
  }
}
