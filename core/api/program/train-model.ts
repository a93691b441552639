/** `train`: trains a model with a defense, without a suite. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chooseDevice } from '../../machine/choose-device.ts'
import { makeFolder } from '../../base/make-folder.ts'
import { ConfigError } from '../../base/errors.ts'
import { shown } from '../../base/schema.ts'
import { makeModel } from '../../bench/execute/make-model.ts'
import type { Dataset } from '../../data/dataset.ts'
import { loadDataset } from '../../data/load.ts'
import { memoryDataset } from '../../data/memory-dataset.ts'
import { writeModelFile } from '../../model/model-files.ts'
import type { ModelCard } from '../../model/model-files.ts'
import type { DefensePlugin, PluginOptions, TrainingProgress } from '../../plugin/contract.ts'
import { resolveOptions } from '../../plugin/options.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import { parseEpsilon } from '../../threat/epsilon.ts'
import type { Norm, ThreatModel } from '../../threat/threat-model.ts'
import { openExamples } from './examples.ts'
import type { ExampleArrays } from './request.ts'
import { openPlugins } from './resolve-request.ts'

/** The adversary of adversarial training. */
export interface TrainingAdversary {
  readonly norm: Norm
  /** A positive number or a fraction such as `'8/255'`. */
  readonly epsilon: number | string
  /**
   * Steps of the inner attack, its step size, and other options of the defense; see
   * `robench list defenses`.
   */
  readonly [option: string]: unknown
}

/**
 * What `train` takes. Any other key is an option of the defense, such as `epochs`, `batchSize` or
 * `learningRate`.
 */
export interface TrainRequest {
  /** The id of a data set (its training split), or arrays with values in [0, 1]. */
  readonly data: string | ExampleArrays
  /** The architecture: an id, or an id with options. Default: that of the defense. */
  readonly network?: string | { readonly id: string; readonly options?: PluginOptions }
  /** Train on adversarial examples; without it, on clean images. */
  readonly adversary?: TrainingAdversary
  /** A defense plugin that trains. Default: `pgd-at` with an adversary, else `standard`. */
  readonly defense?: string
  readonly epochs?: number
  /** Default: 0. */
  readonly seed?: number
  /** Default: 1. */
  readonly threads?: number
  /** Where to train: `cpu` (the default), `cuda:1`, or `auto`, for an NVIDIA GPU if there is one. */
  readonly device?: string
  /**
   * A directory for checkpoints, from which training resumes. Default: a temporary one.
   */
  readonly checkpointFolder?: string
  /** Third-party plugin packages. */
  readonly plugins?: readonly string[]
  /** Stops the training with a RunError ROBENCH_ABORTED. */
  readonly signal?: AbortSignal
  /** Called after each step of the optimizer. */
  progress?(state: TrainingProgress): void
  readonly [option: string]: unknown
}

/** A trained model. */
export interface TrainedModel {
  /** The bytes of an ONNX file. */
  readonly model: Uint8Array
  /** How the file is read, its hash, and how it was trained. */
  readonly card: ModelCard
  /** Writes the model to a path and its card to `<path>.json`; `evaluate` reads both. */
  save(path: string): Promise<void>
}

/** A defense, its options, and the threat model that it trains for. */
interface TrainingPlan {
  readonly defense: DefensePlugin<never>
  readonly options: PluginOptions
  readonly threatModel: ThreatModel
}

/**
 * Trains a classifier. A suite with the same defense, options and seed makes the same model.
 * @throws ConfigError for an unknown data set, network, defense, option, or device; RunError
 * ROBENCH_ABORTED if the signal is aborted, ROBENCH_INTERNAL if training diverges; PluginError if
 * the defense fails
 */
export async function train(request: TrainRequest): Promise<TrainedModel> {
  const { data, seed = 0, threads = 1, checkpointFolder, plugins, progress } = request
  const { device } = await chooseDevice(request.device ?? 'cpu')
  const { registry } = await openPlugins(plugins, 'train', true)
  const { defense, options, threatModel } = await planTraining(request, registry)
  const dataset = await openTraining(data)
  const temporary = checkpointFolder === undefined
  const folder = temporary
    ? await mkdtemp(join(tmpdir(), 'robench-train-'))
    : resolve(checkpointFolder)
  await makeFolder(folder)
  try {
    const { bytes, card } = await makeModel({
      defense,
      options,
      seed,
      threatModel,
      dataset,
      loadTrain: async () => dataset,
      registry,
      networkPlace: 'train: network',
      resolvePath: (path) => resolve(path),
      checkpointFolder: folder,
      threads,
      device,
      signal: request.signal ?? new AbortController().signal,
      progress: (state) => progress?.(state),
    })
    return { model: bytes, card, save: (path) => writeModelFile(path, bytes, card) }
  } finally {
    if (temporary) await rm(folder, { recursive: true, force: true })
  }
}

async function planTraining(
  request: TrainRequest,
  registry: PluginRegistry,
): Promise<TrainingPlan> {
  const {
    data: _data,
    network,
    adversary,
    defense: id = adversary ? 'pgd-at' : 'standard',
    seed: _seed,
    threads: _threads,
    device: _device,
    checkpointFolder: _folder,
    plugins: _plugins,
    signal: _signal,
    progress: _progress,
    ...given
  } = request
  const { norm = 'Linf', epsilon = '8/255', ...inner } = adversary ?? {}
  const defense: DefensePlugin<never> = await registry.get('defense', id, 'train: defense')
  if (!defense.meta.trains) {
    throw new ConfigError('ROBENCH_CONFIG', `train: defense "${id}" does not train a model`)
  }
  const chosen = typeof network === 'string' ? { id: network } : network
  const stated = { ...given, ...inner, ...(chosen && { network: chosen }) }
  const options = resolveOptions(defense.meta, stated, 'train: ')
  const radius = parseEpsilon(epsilon, 'train: adversary.epsilon')
  return { defense, options, threatModel: { norm, epsilon: radius, bounds: [0, 1] } }
}

/** The training split of a data set, or the arrays as one. */
async function openTraining(data: TrainRequest['data']): Promise<Dataset> {
  if (typeof data === 'string') return loadDataset({ id: data }, { split: 'train' })
  const { shape, labels, likelyClasses: classes, count, rows } = await openExamples(data)
  const pixels = rows(Array.from({ length: count }, (_, row) => row)).data
  const outside = pixels.find((value) => !(value >= 0 && value <= 1))
  if (outside !== undefined) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `data.inputs: expected values in [0, 1], got ${shown(outside)}; ` +
        'divide by 255, or pass a Uint8Array',
    )
  }
  const classNames = Array.from({ length: classes }, (_, label) => String(label))
  const identity = { id: 'data', title: 'data', split: 'train', toy: false } as const
  return memoryDataset({ ...identity, shape, classNames, pixels, labels })
}
