/** Loads an ONNX file as a model. */
import { ConfigError, GraphError, RunError } from '../base/errors.ts'
import { shown } from '../base/schema.ts'
import { hashBytes, hashJson } from '../base/hash.ts'
import type { Dim } from '../engine/graph/dim.ts'
import { foldConstants, pruneGraph } from '../engine/graph/fold-constants.ts'
import { g } from '../engine/graph/graph.ts'
import { expandRandom, isRandom } from '../engine/graph/random-operators.ts'
import { inSinglePrecision, precisionOf, type Precision } from '../engine/graph/single-precision.ts'
import type { Session, SessionOptions } from '../engine/graph/session.ts'
import { computesInHalf, tfjsDevice, withoutPrecision } from '../engine/graph/session-device.ts'
import { unblock } from '../engine/graph/unblock.ts'
import { readOnnx, type OnnxGraph } from '../engine/onnx/file.ts'
import {
  checkBatchIndependence,
  refuseBatchReductions,
  refuseTrainingMode,
  remarkOnDropout,
  withContrasts,
} from './batch-independence.ts'
import { ClassifierModel } from './classifier.ts'
import type { ClassifierExpression } from './classifier-parts.ts'
import { chooseOutput } from './choose-output.ts'
import { describeInput, invalidFile, type FileDescription } from './file-description.ts'
import { FileRunner } from './file-runner.ts'
import {
  importByParts,
  importWhole,
  prepareImages,
  type ImportSource,
} from './import-classifier.ts'
import { checkIntegerRange } from './integer-range.ts'
import { firstRun, openFile } from './open-file.ts'
import { pause } from './pause.ts'
import { checkImportParity, noGradient, drawTestImages } from './import-parity.ts'
import type { ModelManifest } from './manifest.ts'
import type { Stepping } from './step-programs.ts'
import { isQuantized, isQuantizedDynamically, remarkOnQuantization } from './quantized-file.ts'

/** How to load a model. */
export interface LoadModelOptions extends SessionOptions {
  /** The model's name in errors: its path. */
  readonly name?: string
  /** `[channels, height, width]` of the images, for files that leave them open. */
  readonly inputShape?: readonly [number, number, number]
  /** Number of classes of the data: decides which of several outputs holds the logits. */
  readonly classes?: number
  /**
   * Where the steps of gradient attacks are computed: `device` takes several in one run, `host` each
   * by itself. By default `host` on the CPU, else `device`. On the CPU, both give the same outcomes.
   */
  readonly stepping?: Stepping
  /** Stops loading, between the sessions that it compiles. */
  readonly signal?: AbortSignal
}

/**
 * Loads an ONNX classifier.
 *
 * A file exported with a fixed batch accepts any batch size: sizes and constants that equal the
 * batch follow it, or else the graph computes one such batch at a time. The imported graph is
 * compared with the file in onnxruntime on random images. If they disagree, the model evaluates the
 * file itself, and its gradient says why there is none. Files in half or double precision are always
 * evaluated by onnxruntime, and differentiated in float32. On a device such as `cuda/float16`, passes
 * with a gradient compute in half precision, all others in float32.
 *
 * @throws GraphError ROBENCH_MODEL_FILE for a file that is not a classifier
 * @throws RunError ROBENCH_ABORTED once the signal is aborted
 * @throws RobenchError ROBENCH_CONFIG where manifest and file disagree
 */
export async function loadModel(
  bytes: Uint8Array,
  manifest: ModelManifest,
  given: LoadModelOptions = {},
): Promise<ClassifierModel> {
  const options = { ...given, device: withoutPrecision(given.device ?? 'cpu') }
  const name = options.name ?? 'model'
  if (!(bytes instanceof Uint8Array)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `loadModel: expected the bytes of an .onnx file, got ${shown(bytes)}; read the file first`,
    )
  }
  const read = readOnnx(bytes, name)
  const input = describeInput(read, manifest, options.inputShape, name)
  const { device, threads, classes: wantedClasses } = options
  const chosen = await chooseOutput(bytes, read, input, {
    device,
    ...(threads !== undefined && { threads }),
    wanted: manifest.output,
    classes: wantedClasses,
    name,
  })
  const needed = pruneGraph(chosen.graph, [chosen.output])
  const file: FileDescription = { ...input, output: chosen.output }
  const images = g.input('inputs', 'float32', ['n', ...file.inputShape])
  const prepared = prepareImages(images, file, manifest)
  checkIntegerRange(file, manifest, name)
  refuseTrainingMode(needed, name)
  const precision = precisionOf(needed)
  const forwardByFile = precision !== undefined || isQuantized(needed)
  const session = await openFile(chosen.bytes, chosen.graph, options, name)
  const run = isQuantizedDynamically(needed) ? { fixedBatch: 1, ...file } : file
  const runner = new FileRunner(session, run, prepared.fed, options, name)
  const opened: Pick<Session, 'release'>[] = [runner]
  try {
    await pause(options.signal)
    // With different statistics, so that a file that mixes examples shows it.
    const testImages = withContrasts(drawTestImages(file.inputShape, manifest.bounds, 3))
    const fileLogits = await firstRun(runner.logits(testImages))
    const classes = fileLogits.shape[1]!
    checkClasses(classes, manifest, name)
    const graph = expandRandom(precision ? inSinglePrecision(needed, precision) : needed)
    await checkBatchIndependence(runner, testImages, fileLogits, graph, name)
    await pause(options.signal)
    const comparable = { images, prepared: prepared.fed, testImages, fileLogits, graph, runner }
    const { expression, forward, byParts } = await importExpression(
      { graph, file, prepared, name },
      manifest,
      async (found) => {
        await pause(options.signal)
        return checkImportParity({ ...found, ...comparable }, options, name, precision)
      },
    )
    await pause(options.signal)
    opened.push(...(forward ? [forward] : []))
    if (expression instanceof GraphError && device === tfjsDevice) throw notImported(expression)
    if (!(expression instanceof GraphError)) {
      refuseBatchReductions(expression.logits, images, needed, name)
    }
    // The expression replaces the file, whose weights would be in memory twice.
    if (forward && !forwardByFile) await runner.release()
    return new ClassifierModel({
      hash: hashJson({ file: hashBytes(bytes), manifest }),
      bounds: manifest.bounds,
      inputShape: file.inputShape,
      name,
      classes,
      images,
      expression,
      forwardByFile,
      components: manifest.components ?? [],
      remarks: [
        chosen.remark,
        runner.remark,
        ...remarksOn(file, manifest, { byParts, precision }),
        remarkOnDropout(needed),
        remarkOnQuantization(needed),
      ].filter((remark) => remark !== undefined),
      stochastic: graph.nodes.some(isRandom),
      runner,
      ...(forward && { forward }),
      session: options,
      half: computesInHalf(given.device ?? 'cpu'),
      ...(options.stepping && { stepping: options.stepping }),
    })
  } catch (error) {
    for (const item of opened) await item.release()
    throw error
  }
}

/** Without an expression, only onnxruntime can run a file. */
function notImported({ message, details }: GraphError): GraphError {
  return new GraphError(
    'ROBENCH_MODEL_FILE',
    `engine tfjs runs imported graphs only: ${message}; use --engine onnxruntime`,
    { details },
  )
}

/** An expression with its session, or the reason why there is none. */
interface Attempt {
  readonly expression: ClassifierExpression | GraphError
  readonly forward?: Session
}

/** An imported file, and whether it is computed one fixed batch at a time. */
interface Imported extends Attempt {
  readonly byParts: boolean
}

/** The file as an expression that passed the check; or the reason why there is none. */
async function importExpression(
  source: ImportSource,
  manifest: ModelManifest,
  check: (found: ClassifierExpression) => Promise<Session>,
): Promise<Imported> {
  const attempt = async (make: typeof importWhole, graph: OnnxGraph): Promise<Attempt> => {
    try {
      const expression = await make({ ...source, graph }, manifest)
      return { expression, forward: await check(expression) }
    } catch (error) {
      if (!(error instanceof GraphError || error instanceof RunError)) throw error
      if (error.code === 'ROBENCH_ABORTED') throw error
      if (error.code === 'ROBENCH_NO_GRADIENT' && error instanceof GraphError) {
        return { expression: error }
      }
      const reason = `${error.message}, so robench cannot differentiate this model`
      return { expression: noGradient(reason, error) }
    }
  }
  const graph = await foldConstants(await unblock(source.graph))
  const whole = await attempt(importWhole, graph)
  if (whole.forward) return { ...whole, byParts: false }
  // With a fixed batch, all sizes are known.
  const parts = await attempt(importByParts, graph)
  if (parts.forward) return { ...parts, byParts: true }
  return { ...(source.file.fixedBatch === undefined ? whole : parts), byParts: false }
}

/** What the user should know about how the file is read. */
function remarksOn(
  { fixedBatch, inputType, inputShape: [channels] }: FileDescription,
  { bounds, std }: ModelManifest,
  facts: { readonly byParts: boolean; readonly precision: Precision | undefined },
): string[] {
  const remarks: string[] = []
  if (facts.byParts) {
    const batch = fixedBatch ?? 1
    const what = batch === 1 ? 'one example' : `${batch} examples`
    remarks.push(
      `the graph works for a fixed batch only, so it computes ${what} at a time; ` +
        'a file with a dynamic batch is faster',
    )
  }
  if (facts.precision) {
    remarks.push(
      `the file computes in ${facts.precision}: predictions are its own, by onnxruntime, ` +
        'and gradients are those of the same graph in float32',
    )
  }
  if (!inputType.startsWith('float')) {
    const each = (value: string): string => Array<string>(channels).fill(value).join(',')
    const [expected, mean] =
      inputType === 'int8' ? ['-128 to 127', each('128/255')] : ['0 to 255', each('0')]
    const range =
      bounds[1] <= 1 && !std
        ? `; if it expects ${expected}, state --mean ${mean} --std ${each('1/255')}`
        : ''
    remarks.push(
      `the input is ${inputType}: images are rounded to integers before they enter the file, ` +
        `and gradients pass the rounding unchanged${range}`,
    )
  }
  return remarks
}

function checkClasses(classes: Dim | undefined, manifest: ModelManifest, name: string): void {
  if (typeof classes !== 'number' || classes < 2) {
    throw invalidFile(name, `expected logits of at least 2 classes, got ${classes ?? 'none'}`)
  }
  const names = manifest.classNames?.length
  if (names !== undefined && names !== classes) {
    throw invalidFile(name, `the model has ${classes} logits, but there are ${names} class names`)
  }
}
