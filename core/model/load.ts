/** Loads an ONNX file as a model. */
import { ConfigError, GraphError, RobenchError, RunError } from '../base/errors.ts'
import { shown } from '../base/schema.ts'
import { hashBytes, hashJson } from '../base/hash.ts'
import { formatShape, type Dim } from '../engine/graph/dim.ts'
import { foldConstants, pruneGraph } from '../engine/graph/fold-constants.ts'
import { g } from '../engine/graph/graph.ts'
import { importGraph } from '../engine/graph/import.ts'
import { expandRandom, isRandom } from '../engine/graph/random-operators.ts'
import { foldBatchNormalization, foldScales, substitute } from '../engine/graph/rewrite.ts'
import { Session, tfjsDevice, type SessionOptions } from '../engine/graph/session.ts'
import { unblock } from '../engine/graph/unblock.ts'
import type { Value } from '../engine/graph/value.ts'
import { readOnnx, type OnnxGraph } from '../engine/onnx/file.ts'
import {
  checkBatchIndependence,
  refuseBatchReductions,
  refuseTrainingMode,
  remarkOnDropout,
} from './batch-independence.ts'
import { ClassifierModel } from './classifier.ts'
import type { ClassifierExpression } from './classifier-parts.ts'
import { checkComponents, placeComponents, rewriteComponents } from './components.ts'
import { chooseOutput } from './choose-output.ts'
import { describeInput, invalidFile, type FileDescription } from './file-description.ts'
import { FileRunner } from './file-runner.ts'
import { checkImportParity, noGradient, drawTestImages } from './import-parity.ts'
import type { ModelManifest } from './manifest.ts'
import { isQuantized, isQuantizedDynamically, remarkOnQuantization } from './quantized-file.ts'

/** How to load a model. */
export interface LoadModelOptions extends SessionOptions {
  /** The model's name in errors: its path. */
  readonly name?: string
  /** `[channels, height, width]` of the images, for files that leave them open. */
  readonly inputShape?: readonly [number, number, number]
  /** Number of classes of the data: decides which of several outputs holds the logits. */
  readonly classes?: number
}

/**
 * Loads an ONNX classifier.
 *
 * A file exported with a fixed batch accepts any batch size: sizes in Reshape and Expand that
 * equal the batch follow it. The imported graph is compared with the file in onnxruntime on random
 * images. If they disagree, the model evaluates the file itself, and its gradient says why there is
 * none.
 *
 * @throws GraphError ROBENCH_MODEL_FILE for a file that is not a classifier
 * @throws RobenchError ROBENCH_CONFIG where manifest and file disagree
 */
export async function loadModel(
  bytes: Uint8Array,
  manifest: ModelManifest,
  options: LoadModelOptions = {},
): Promise<ClassifierModel> {
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
    ...(device !== undefined && { device }),
    ...(threads !== undefined && { threads }),
    wanted: manifest.output,
    classes: wantedClasses,
    name,
  })
  const needed = pruneGraph(chosen.graph, [chosen.output])
  const file: FileDescription = { ...input, output: chosen.output }
  const images = g.input('inputs', 'float32', ['n', ...file.inputShape])
  const prepared = preprocess(images, file, manifest)
  refuseTrainingMode(needed, name)
  const session = await Session.load(chosen.bytes, options, name)
  const run = isQuantizedDynamically(needed) ? { fixedBatch: 1, ...file } : file
  const runner = new FileRunner(session, run, prepared, options, name)
  try {
    const testImages = drawTestImages(file.inputShape, manifest.bounds, 3)
    const fileLogits = await runner.logits(testImages)
    const classes = fileLogits.shape[1]!
    checkClasses(classes, manifest, name)
    const source: ImportSource = {
      graph: expandRandom(needed),
      file,
      prepared,
      name,
    }
    await checkBatchIndependence(runner, testImages, source.graph, name)
    const comparable = { images, prepared, testImages, fileLogits, graph: source.graph, runner }
    const expression = await importExpression(source, manifest, (found) =>
      checkImportParity({ ...found, ...comparable }, options, name),
    )
    if (expression instanceof GraphError && device === tfjsDevice) throw notImported(expression)
    if (!(expression instanceof GraphError))
      refuseBatchReductions(expression.logits, images, needed, name)
    return new ClassifierModel({
      hash: hashJson({ file: hashBytes(bytes), manifest }),
      bounds: manifest.bounds,
      inputShape: file.inputShape,
      name,
      classes,
      images,
      expression,
      components: manifest.components ?? [],
      remarks: [chosen.remark, remarkOnDropout(needed), remarkOnQuantization(needed)].filter(
        (remark) => remark !== undefined,
      ),
      quantized: isQuantized(needed),
      stochastic: source.graph.nodes.some(isRandom),
      runner,
      session: options,
    })
  } catch (error) {
    await runner.release()
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

/** A file to be imported as an expression. */
interface ImportSource {
  readonly graph: OnnxGraph
  readonly file: FileDescription
  readonly prepared: Value
  readonly name: string
}

/** The file as an expression that passed the check; or the reason why there is none. */
async function importExpression(
  source: ImportSource,
  manifest: ModelManifest,
  check: (found: ClassifierExpression) => Promise<void>,
): Promise<ClassifierExpression | GraphError> {
  try {
    const graph = await foldConstants(await unblock(source.graph))
    const expression = importClassifier({ ...source, graph }, manifest)
    await check(expression)
    return expression
  } catch (error) {
    if (!(error instanceof GraphError || error instanceof RunError)) throw error
    if (error.code === 'ROBENCH_NO_GRADIENT' && error instanceof GraphError) return error
    return noGradient(`${error.message}, so robench cannot differentiate this model`, error)
  }
}

/** Images `[n, c, h, w]` as the file expects them. */
function preprocess(images: Value, file: FileDescription, manifest: ModelManifest): Value {
  const [c] = file.inputShape
  let x = images
  const perChannel = (values: readonly number[], key: string): Value => {
    if (values.length !== c && values.length !== 1) {
      throw new RobenchError(
        'ROBENCH_CONFIG',
        `manifest: ${key} has ${values.length} values, expected ${c} (one per channel)`,
      )
    }
    return g.floats([values.length, 1, 1], values)
  }
  if (manifest.mean) x = g.sub(x, perChannel(manifest.mean, 'mean'))
  if (manifest.std) x = g.div(x, perChannel(manifest.std, 'std'))
  if (file.fileShape.length === 2) return g.op('Flatten', [x])[0]!
  return manifest.layout === 'NHWC' ? g.transpose(x, [0, 2, 3, 1]) : x
}

function importClassifier(
  { graph, file, prepared, name }: ImportSource,
  manifest: ModelManifest,
): ClassifierExpression {
  const imported = importGraph(graph, {
    name,
    inputShapes: { [file.input]: file.fileShape },
    ...(file.fixedBatch !== undefined && { fixedBatch: file.fixedBatch }),
  })
  const placeholder = imported.inputs[0]!
  const original = {
    logits: imported.outputs[file.output]!,
    components: placeComponents(manifest.components ?? [], imported.values, name),
  }
  // The ends of the components are results of each rewrite, so that nothing folds them away.
  const { logits: folded, components } = rewriteComponents(original, (values) =>
    foldScales(foldBatchNormalization(substitute(values, new Map([[placeholder, prepared]])))),
  )
  const logits = folded.shape.length > 2 ? g.op('Flatten', [folded])[0]! : folded
  if (logits.shape.length !== 2 || typeof logits.shape[1] !== 'number' || logits.shape[0] !== 'n') {
    throw noGradient(
      `${name}: with a symbolic batch the output is ${formatShape(folded.shape)}, ` +
        'expected logits [n, classes]; export it with a dynamic batch',
    )
  }
  checkComponents({ logits, components }, name)
  return { logits, components, noise: imported.noise }
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
