/** The models of a suite: found in the cache or as a file, examined against the data, and timed for the plan. */
import { join, resolve } from 'node:path'
import { loadDataset } from '../../data/load.ts'
import type { Dataset } from '../../data/dataset.ts'
import { ConfigError } from '../../base/errors.ts'
import { loadModel } from '../../model/load.ts'
import { crossEntropy } from '../../model/losses.ts'
import type { Model } from '../../model/model.ts'
import { readOnnx } from '../../engine/onnx/file.ts'
import { cacheFolder } from '../../base/paths.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { readCachedModel } from '../../model/model-files.ts'
import type { ModelFile } from '../../model/model-files.ts'
import type { ModelIdentity } from '../result/result.ts'
import { datasetReference, trainedModelFolder } from '../plan/resolve.ts'
import type { ResolvedDefense, ResolvedSuite } from '../plan/resolve.ts'
import type { ModelLocation } from './job.ts'

/** Milliseconds per example on one worker. */
export interface PassTimes {
  readonly forwardMs: number
  readonly backwardMs: number
}

/** A model that fits the suite's data. */
export interface ModelAtHand {
  readonly location: ModelLocation
  /** Of the file and of how it is read: its identity in cells. */
  readonly hash: string
  readonly identity: ModelIdentity
  readonly training?: Readonly<Record<string, unknown>>
  readonly times: PassTimes
}

/** One row of the table to be. Without a model yet: `folder` is where the defense is to put it. */
export interface ModelRow {
  readonly defense: ResolvedDefense
  readonly threatModel: ThreatModel
  readonly model?: ModelAtHand
  readonly folder: string
}

/** Examples that are put through each model when the plan is made. */
const probeSize = 16

/** Where the model of a defense is or will be, and its file if it is there. */
export async function findModelFile(
  resolved: ResolvedSuite,
  defense: ResolvedDefense,
  threatModel: ThreatModel,
): Promise<{ readonly folder: string; readonly file?: ModelFile }> {
  if (defense.file) return { folder: '', file: defense.file }
  if (!defense.trains) return { folder: join(cacheFolder(), 'models') }
  const { loaded } = resolved
  const train = await loadDataset(datasetReference(loaded), {
    split: 'train',
    resolvePath: (path) => resolve(loaded.folder, path),
  })
  const folder = trainedModelFolder(defense, threatModel, train.hash)
  const file = await readCachedModel(folder)
  return { folder, ...(file ? { file } : {}) }
}

/**
 * Loads a model once, checks that it fits the data, and times a few passes.
 * @throws ConfigError ROBENCH_MODEL_FILE if it does not fit; GraphError if it cannot be loaded, or not be
 * differentiated while an attack needs that; RobenchError ROBENCH_MODEL_OUTPUT if a logit is not finite
 */
export async function examineModel(
  file: ModelFile,
  defense: ResolvedDefense,
  resolved: ResolvedSuite,
  setting: { readonly device: string; readonly threads: number },
): Promise<ModelAtHand> {
  const { manifest, training, sha256 } = file.card
  const label = labelOf(file, defense)
  const model = await loadModel(file.bytes, manifest, {
    ...setting,
    name: label,
    inputShape: resolved.dataset.shape,
  })
  try {
    checkFit(model, resolved.dataset, label)
    const needsGradient = resolved.attacks.some(({ facts }) => facts.knowledge === 'white-box')
    const times = await timePasses(model, resolved.dataset, needsGradient)
    return {
      location: { path: file.path, label, manifest },
      hash: model.hash,
      identity: {
        sha256,
        bytes: file.bytes.length,
        parameters: countParameters(file),
      },
      times,
      ...(training ? { training } : {}),
    }
  } finally {
    await model.dispose()
  }
}

/** The user's own file, if the defense takes one: its option with the role `path`. */
function labelOf({ path }: ModelFile, defense: ResolvedDefense): string {
  const { options, trains, file, pathOption } = defense
  const own = pathOption === undefined ? undefined : options[pathOption]
  return !file && !trains && typeof own === 'string' ? own : path
}

function checkFit(model: Model, dataset: Dataset, what: string): void {
  const wanted = `data set "${dataset.id}"`
  if (model.inputShape.join() !== dataset.shape.join()) {
    throw misfit(
      `${what} takes inputs of shape [${model.inputShape.join(', ')}] (channels, height, width), ` +
        `${wanted} has [${dataset.shape.join(', ')}]; if only the order differs, set the layout (NCHW or NHWC)`,
    )
  }
  const classes = dataset.classNames.length
  // The user's own labels need not contain every class.
  const fits = dataset.id === 'npy' ? model.classes >= classes : model.classes === classes
  if (!fits) {
    throw misfit(`${what} has ${model.classes} classes, ${wanted} has ${classes}`)
  }
  if (model.bounds.join() !== dataset.bounds.join()) {
    throw misfit(
      `${what} takes inputs in [${model.bounds.join(', ')}], ${wanted} has them in [${dataset.bounds.join(', ')}]; ` +
        `state bounds [${dataset.bounds.join(', ')}], and the change of scale as mean and std`,
    )
  }
}

async function timePasses(
  model: Model,
  dataset: Dataset,
  needsGradient: boolean,
): Promise<PassTimes> {
  const count = Math.min(probeSize, dataset.count)
  const indices = Int32Array.from({ length: count }, (_, i) => i)
  const inputs = dataset.rows(indices)
  const labels = dataset.labels.slice(0, count)
  const forwardMs = (await timed(() => model.logits(inputs))) / count
  if (!needsGradient) return { forwardMs, backwardMs: 0 }
  const bothMs = (await timed(() => model.gradient(inputs, labels, crossEntropy))) / count
  return { forwardMs, backwardMs: Math.max(0, bothMs - forwardMs) }
}

/** The second call's time: the first one builds the session. */
async function timed(call: () => Promise<unknown>): Promise<number> {
  await call()
  const started = performance.now()
  await call()
  return performance.now() - started
}

/** The numbers in the file's floating-point initializers. */
function countParameters(file: ModelFile): number {
  let count = 0
  for (const { dtype, data } of readOnnx(file.bytes, file.path).initializers.values()) {
    if (dtype.startsWith('float')) count += data.length
  }
  return count
}

function misfit(message: string): ConfigError {
  return new ConfigError('ROBENCH_MODEL_FILE', message)
}
