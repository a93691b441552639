/** Opens the models of a program: a path, bytes, or a loaded model. */
import type { ExampleFacts } from '../../data/model-fit.ts'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError, RobenchError } from '../../base/errors.ts'
import { shown } from '../../base/schema.ts'
import { readOnnxFile } from '../../engine/onnx/external-data.ts'
import { readOnnx } from '../../engine/onnx/file.ts'
import type { OnnxGraph } from '../../engine/onnx/file.ts'
import { chooseDevice } from '../../machine/choose-device.ts'
import { loadModel } from '../../model/load.ts'
import { plainManifest } from '../../model/manifest.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import type { Model } from '../../model/model.ts'
import type { ModelSource, ProgramSettings } from './request.ts'

/** An open model. */
export interface OpenModel {
  readonly model: Model
  /** Name in messages. */
  readonly name: string
  /** The file with its weights; undefined for a model that the caller loaded. */
  readonly bytes?: Uint8Array
  /** The file's graph; undefined for a model that the caller loaded. */
  readonly graph?: OnnxGraph
  /** How the file is read; undefined for a model that the caller loaded. */
  readonly manifest?: ModelManifest
  /** Frees the model unless the caller loaded it. */
  close(): Promise<void>
}

/** The models of a request. */
export interface OpenModels {
  readonly tested: OpenModel
  /** By name. */
  readonly surrogates: ReadonlyMap<string, OpenModel>
  /** Closes all of them. */
  close(): Promise<void>
}

const readingKeys = ['bounds', 'layout', 'mean', 'std', 'classNames', 'output'] as const

/**
 * Opens the model of a request and its surrogates. Only `device` and `threads` of the settings
 * apply to the surrogates.
 * @param used names of the surrogates to open, possibly repeated
 * @throws as `openModel`; no model is left open
 */
export async function openModels(
  request: ProgramSettings & { readonly model: ModelSource },
  used: readonly string[],
  examples: Pick<ExampleFacts, 'shape' | 'likelyClasses'>,
): Promise<OpenModels> {
  const { device, threads } = request
  const own = { ...(device && { device }), ...(threads && { threads }) }
  const opened: OpenModel[] = []
  const surrogates = new Map<string, OpenModel>()
  const close = async (): Promise<void> => {
    for (const model of opened) await model.close()
  }
  try {
    const tested = await openModel(request.model, 'model', request, examples)
    opened.push(tested)
    for (const name of new Set(used)) {
      const source = request.surrogates![name]!
      const surrogate = await openModel(source, `surrogates.${name}`, own, examples)
      opened.push(surrogate)
      surrogates.set(name, surrogate)
    }
    return { tested, surrogates, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Opens a model. As in `robench eval`, settings such as `mean` describe the file; a card beside it
 * is not read.
 * @param where the key in the request, for messages
 * @param examples decide what the file leaves open: image sizes, which output holds the logits
 * @throws ConfigError ROBENCH_MODEL_FILE if the file is missing, ROBENCH_CONFIG for settings that
 * cannot apply; errors of `loadModel`
 */
async function openModel(
  source: ModelSource,
  where: string,
  settings: ProgramSettings,
  { shape: inputShape, likelyClasses: classes }: Pick<ExampleFacts, 'shape' | 'likelyClasses'>,
): Promise<OpenModel> {
  const reading: Partial<ModelManifest> = Object.fromEntries(
    readingKeys.flatMap((key) => (settings[key] === undefined ? [] : [[key, settings[key]]])),
  )
  if (isModel(source)) {
    const [unused] = Object.keys(reading)
    if (unused !== undefined && unused !== 'bounds') {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `${unused}: the model in "${where}" is loaded already; pass ${unused} to loadModel instead`,
      )
    }
    return { model: source, name: where, close: async () => {} }
  }
  const { bytes, name } = await readSource(source, where)
  const manifest = checkManifest({ ...plainManifest, ...reading })
  const { threads = 1 } = settings
  const { device } = await chooseDevice(settings.device ?? 'cpu')
  const model = await loadModel(bytes, manifest, { device, threads, name, inputShape, classes })
  const graph = readOnnx(bytes, name)
  return { model, name, bytes, graph, manifest, close: () => model.dispose() }
}

async function readSource(
  source: string | Uint8Array,
  where: string,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> {
  if (source instanceof Uint8Array) return { bytes: source, name: where }
  if (typeof source !== 'string') {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: expected the path of an .onnx file, its bytes or a model, got ${shown(source)}`,
    )
  }
  const path = resolve(source)
  if (!existsSync(path)) {
    throw new ConfigError('ROBENCH_MODEL_FILE', `${where}: ${path} does not exist; check the path`)
  }
  try {
    return { bytes: await readOnnxFile(path), name: source }
  } catch (cause) {
    if (cause instanceof RobenchError) throw cause
    throw new ConfigError(
      'ROBENCH_MODEL_FILE',
      `${where}: ${path} cannot be read: ${String(cause)}`,
      {
        cause,
      },
    )
  }
}

/** Whether the caller has loaded the model: such a model stays in this process. */
export function isModel(source: ModelSource): source is Model {
  return typeof source === 'object' && source !== null && 'logits' in source
}

/**
 * @param prefix of the settings in messages, such as that of options of a command
 * @throws ConfigError ROBENCH_CONFIG for a value that cannot describe a file
 */
export function checkManifest(manifest: ModelManifest, prefix = ''): ModelManifest {
  const { bounds, mean, std, layout } = manifest
  const [low, high] = bounds
  if (!(bounds.length === 2 && low < high)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${prefix}bounds: expected [low, high] with low < high, got ${shown(bounds)}`,
    )
  }
  if (layout !== 'NCHW' && layout !== 'NHWC') {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${prefix}layout: expected NCHW or NHWC, got ${shown(layout)}`,
    )
  }
  if (std?.some((value) => !(value > 0))) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${prefix}std: expected positive numbers, got ${shown(std)}`,
    )
  }
  if ((mean === undefined) !== (std === undefined)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${prefix}${std ? 'mean' : 'std'}: missing, but ${prefix}${std ? 'std' : 'mean'} is set; ` +
        'a normalization needs both (0 and 1 change nothing)',
    )
  }
  return manifest
}
