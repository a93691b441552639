/** The models of a suite: found as files or in the cache, examined, and timed for the plan. */
import { existsSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { hashBytes, hashJson } from '../../base/hash.ts'
import type { Dataset } from '../../data/dataset.ts'
import { loadDataset } from '../../data/load.ts'
import { describeExamples, requireClassOrder, requireModelFit } from '../../data/model-fit.ts'
import { readOnnx } from '../../engine/onnx/file.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'
import { loadModel } from '../../model/load.ts'
import { placementRemarks } from '../../model/placement.ts'
import { pause } from '../../model/pause.ts'
import { largestBatch } from '../forecast/memory.ts'
import { crossEntropy } from '../../model/losses.ts'
import { readCachedModel, readModelFile } from '../../model/model-files.ts'
import type { ModelFile } from '../../model/model-files.ts'
import { countParameters, weightBytes } from '../../model/weights.ts'
import type { Model } from '../../model/model.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { ExaminedModel, PassTimes } from '../plan/model-row.ts'
import { datasetReference, modelFolder, trainedModelKey } from '../plan/resolve.ts'
import type { ResolvedDefense, ResolvedSuite } from '../plan/resolve.ts'

/** Examples in the passes that are timed. */
const timedExamples = 16

/** Memory for the activations of the passes that are timed, in the process of the command. */
const timingBytes = 0.5e9

/** Time that timing may take, in ms; one call is always timed. */
const timingMs = 500

/**
 * Finds the model of a defense: the file that the suite names, or else a trained one in the cache.
 */
export async function findModelFile(
  { loaded }: ResolvedSuite,
  defense: ResolvedDefense,
  threatModel: ThreatModel,
): Promise<{ readonly cacheKey?: string; readonly file?: ModelFile }> {
  if (defense.file) return { file: defense.file }
  if (!defense.trains) return {}
  const train = await loadDataset(datasetReference(loaded), {
    split: 'train',
    resolvePath: (path) => resolve(loaded.folder, path),
  })
  const givenHash = await hashOfGivenFile(defense, loaded.folder)
  const cacheKey = trainedModelKey(defense, threatModel, train.hash, givenHash)
  const file = await readCachedModel(modelFolder(cacheKey))
  return { cacheKey, ...(file ? { file } : {}) }
}

/** Of the file that a trained defense builds on, and its card; undefined without a file. */
async function hashOfGivenFile(
  { options, pathOption }: ResolvedDefense,
  folder: string,
): Promise<string | undefined> {
  const given = pathOption === undefined ? undefined : options[pathOption]
  if (typeof given !== 'string') return undefined
  const path = resolve(folder, given)
  // The defense reports a missing file.
  if (!existsSync(path)) return undefined
  const { bytes, card } = await readModelFile(path, pathOption!)
  return hashJson([hashBytes(bytes), card])
}

/**
 * Loads a model once, checks that it fits the data, and times a few passes.
 * @throws ConfigError ROBENCH_MODEL_FILE if it does not fit; GraphError if it cannot be loaded, or
 * cannot be differentiated although an attack needs its gradient; RobenchError
 * ROBENCH_MODEL_OUTPUT if a logit is not finite
 */
export async function examineModel(
  file: ModelFile,
  defense: ResolvedDefense,
  resolved: ResolvedSuite,
  session: { readonly device: string; readonly threads: number; readonly signal: AbortSignal },
): Promise<ExaminedModel> {
  const { manifest, training, sha256 } = file.card
  const label = labelOf(file, defense)
  const model = await loadModel(file.bytes, manifest, {
    ...session,
    name: label,
    inputShape: resolved.dataset.shape,
    classes: resolved.dataset.classNames.length,
  })
  try {
    requireModelFit(describeExamples(resolved.dataset), model, label)
    requireClassOrder(resolved.dataset.classNames, manifest.classNames, label)
    const needsGradient = resolved.attacks.some(({ facts }) => facts.knowledge === 'white-box')
    const { activationBytes } = model
    const count = largestBatch(activationBytes, timedExamples, timingBytes)
    const graph = readOnnx(file.bytes, label)
    const times = await timePasses(model, resolved.dataset, count, {
      needsGradient,
      signal: session.signal,
    })
    return {
      reference: { sha256, label: jobLabelOf(label, defense, resolved), manifest },
      path: file.path,
      hash: model.hash,
      identity: {
        sha256,
        bytes: file.bytes.length,
        parameters: countParameters(graph),
        hash: model.hash,
      },
      weightBytes: weightBytes(graph),
      stochastic: model.stochastic,
      activationBytes,
      inputBytes: 4 * sizeOf(model.inputShape),
      rowsPerPart: model.rowsPerPart,
      remarks: [...model.remarks, ...(await placementRemarks(model, session.device))],
      classes: model.classes,
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

/** The label without a path of this machine: a file beside the suite, or else the defense. */
function jobLabelOf(label: string, { name }: ResolvedDefense, { loaded }: ResolvedSuite): string {
  const path = isAbsolute(label) ? relative(loaded.folder, label) : label
  return isAbsolute(path) || path.startsWith('..') ? `defense "${name}"` : path
}

async function timePasses(
  model: Model,
  dataset: Dataset,
  most: number,
  { needsGradient, signal }: { readonly needsGradient: boolean; readonly signal: AbortSignal },
): Promise<PassTimes> {
  const count = Math.min(most, dataset.count)
  const indices = Int32Array.from({ length: count }, (_, i) => i)
  const inputs = dataset.rows(indices)
  const labels = dataset.labels.slice(0, count)
  const forwardMs = (await timed(() => model.logits(inputs))) / count
  await pause(signal)
  if (!needsGradient) return { forwardMs, backwardMs: 0 }
  const bothMs = (await timed(() => model.gradient(inputs, labels, crossEntropy))) / count
  return { forwardMs, backwardMs: Math.max(0, bothMs - forwardMs) }
}

/**
 * The shortest of a few calls after the first one, which builds the session: other work of the
 * machine only adds time. Slow calls are timed once.
 */
async function timed(call: () => Promise<unknown>): Promise<number> {
  await call()
  let shortest = Infinity
  let total = 0
  for (let times = 0; times < 3 && total < timingMs; times++) {
    const started = performance.now()
    await call()
    const elapsed = performance.now() - started
    shortest = Math.min(shortest, elapsed)
    total += elapsed
  }
  return shortest
}
