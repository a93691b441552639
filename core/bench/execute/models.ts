/** The models of a suite: found as files or in the cache, examined, and timed for the plan. */
import { existsSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { hashBytes, hashJson } from '../../base/hash.ts'
import { sumBy } from '../../base/sum.ts'
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
import { predictions } from '../../model/predictions.ts'
import { readCachedModel, readModelFile } from '../../model/model-files.ts'
import type { ModelFile } from '../../model/model-files.ts'
import { countParameters, weightBytes } from '../../model/weights.ts'
import type { Model } from '../../model/model.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { ExaminedModel, PassTimes, Survey } from '../plan/model-row.ts'
import { datasetReference, modelFolder, trainedModelKey } from '../plan/resolve.ts'
import type { ResolvedDefense, ResolvedSuite } from '../plan/resolve.ts'
import { surveyModel } from './survey-model.ts'
import type { SurveyRequest } from './survey-model.ts'

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
  session: ExaminationSession,
): Promise<ExaminedModel> {
  const { manifest, training, sha256 } = file.card
  const { device, threads, signal, isSurveyed } = session
  const label = labelOf(file, defense)
  const started = performance.now()
  const model = await loadModel(file.bytes, manifest, {
    device,
    threads,
    signal,
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
    const loadMs = performance.now() - started
    const { times, firstMs, timed } = await timePasses(model, resolved.dataset, count, {
      needsGradient,
      signal,
    })
    const request = { model, times, timed, batchSize: count, signal, defense: defense.name }
    const examined: ExaminedModel = {
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
      remarks: [...model.remarks, ...(await placementRemarks(model, device))],
      classes: model.classes,
      times,
      startMs: loadMs + firstMs,
      surveys: [],
      ...(training ? { training } : {}),
    }
    const chosen = resolved.threatModels.map((threatModel) => isSurveyed(examined, threatModel))
    return { ...examined, surveys: await surveysOf(resolved, chosen, request) }
  } finally {
    await model.dispose()
  }
}

/** How a model is examined. */
interface ExaminationSession {
  readonly device: string
  readonly threads: number
  readonly signal: AbortSignal
  /** Whether a threat model is surveyed. */
  isSurveyed(model: ExaminedModel, threatModel: ThreatModel): boolean
}

/** @param chosen whether each threat model is surveyed */
async function surveysOf(
  { attacks, threatModels, dataset, examples }: ResolvedSuite,
  chosen: readonly boolean[],
  {
    defense,
    ...request
  }: Omit<SurveyRequest, 'dataset' | 'examples' | 'threatModel' | 'longestMs'> & {
    readonly defense: string
  },
): Promise<(Survey | undefined)[]> {
  const { forwardMs, backwardMs } = request.times
  const surveys: (Survey | undefined)[] = []
  for (const [index, threatModel] of threatModels.entries()) {
    if (!chosen[index]) {
      surveys.push(undefined)
      continue
    }
    const longestMs = sumBy(attacks, (attack) => {
      const { forward, backward } = attack.passes(threatModel.norm, defense)
      return examples * (forward * forwardMs + backward * backwardMs)
    })
    surveys.push(await surveyModel({ ...request, dataset, examples, threatModel, longestMs }))
  }
  return surveys
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
): Promise<TimedPasses> {
  const count = Math.min(most, dataset.count)
  const indices = Int32Array.from({ length: count }, (_, i) => i)
  const inputs = dataset.rows(indices)
  const labels = dataset.labels.slice(0, count)
  const forward = await shortest(() => model.logits(inputs))
  await pause(signal)
  const both = needsGradient
    ? await shortest(() => model.gradient(inputs, labels, crossEntropy))
    : undefined
  const predicted = predictions(forward.value)
  return {
    times: {
      forwardMs: forward.ms / count,
      backwardMs: both ? Math.max(0, both.ms - forward.ms) / count : 0,
    },
    firstMs: forward.firstMs + (both?.firstMs ?? 0),
    timed: {
      examples: count,
      correct: labels.filter((label, row) => predicted[row] === label).length,
    },
  }
}

/** The times of passes, that of the first ones in ms, and how many predictions were correct. */
interface TimedPasses extends Pick<SurveyRequest, 'timed'> {
  readonly times: PassTimes
  readonly firstMs: number
}

/**
 * The shortest of a few calls after the first one, which builds the session: other work of the
 * machine only adds time. Slow calls are timed once.
 */
async function shortest<Value>(
  call: () => Promise<Value>,
): Promise<{ readonly value: Value; readonly ms: number; readonly firstMs: number }> {
  const began = performance.now()
  const value = await call()
  const firstMs = performance.now() - began
  let ms = Infinity
  let total = 0
  for (let times = 0; times < 3 && total < timingMs; times++) {
    const started = performance.now()
    await call()
    const elapsed = performance.now() - started
    ms = Math.min(ms, elapsed)
    total += elapsed
  }
  return { value, ms, firstMs }
}
