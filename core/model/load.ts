/** Loads an ONNX file as a Model: read, put behind its normalization, made to take any batch, checked against the file itself. */
import { GraphError, RobenchError, RunError } from '../base/errors.ts'
import { formatShape, type Dim } from '../engine/graph/dim.ts'
import { foldUnknownConstants, pruneGraph } from '../engine/graph/fold-constants.ts'
import { g } from '../engine/graph/graph.ts'
import { importGraph } from '../engine/graph/import.ts'
import { expandRandom, isRandom } from '../engine/graph/random-operators.ts'
import { foldBatchNormalization, foldScales, substitute } from '../engine/graph/rewrite.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import type { Value } from '../engine/graph/value.ts'
import { hashBytes, hashJson } from '../base/hash.ts'
import { readOnnx, type OnnxGraph, type OnnxValueInfo } from '../engine/onnx/file.ts'
import { sizeOf } from '../engine/tensor/tensor.ts'
import { checkImportParity, noGradient, probeImages } from './import-parity.ts'
import { ClassifierModel, type ClassifierExpression } from './classifier.ts'
import { FileRunner } from './file-runner.ts'
import type { ModelManifest } from './manifest.ts'
import { checkComponents, placeComponents } from './components.ts'

export interface LoadModelOptions extends SessionOptions {
  /** What to call the model in errors: its path. */
  readonly name?: string
  /** `[channels, height, width]` of the images, where the file leaves them open. */
  readonly inputShape?: readonly [number, number, number]
}

/**
 * Loads an ONNX classifier.
 *
 * A file exported with a fixed batch is made to take any: sizes in Reshape and Expand that stand for
 * the batch follow it. Whatever was read is compared with the file as it is, run by onnxruntime on
 * random images; if that fails, the model still answers by the file, and its gradient says why not.
 *
 * @throws GraphError ROBENCH_MODEL_FILE for a file that is no model, RobenchError ROBENCH_CONFIG where manifest and file disagree.
 */
export async function loadModel(
  bytes: Uint8Array,
  manifest: ModelManifest,
  options: LoadModelOptions = {},
): Promise<ClassifierModel> {
  const name = options.name ?? 'model'
  const graph = readOnnx(bytes, name)
  const file = describeFile(graph, manifest, options, name)
  const images = g.input('inputs', 'float32', ['n', ...file.inputShape])
  const prepared = preprocess(images, file, manifest)
  const session = await Session.load(bytes, options, name)
  const runner = new FileRunner(session, file, prepared, options, name)
  const identity = {
    hash: hashJson({ file: hashBytes(bytes), manifest }),
    bounds: manifest.bounds,
    inputShape: file.inputShape,
    name,
  }
  try {
    const probe = probeImages(file.inputShape, manifest.bounds, 3)
    const answer = await runner.logits(probe)
    const classes = answer.shape[1]!
    checkClasses(classes, manifest, name)
    const read: Reading = {
      graph: expandRandom(pruneGraph(graph, [file.output])),
      file,
      prepared,
      name,
    }
    const expression = await readExpression(read, manifest, (found) =>
      checkImportParity(
        { ...found, images, prepared, probe, answer, graph: read.graph, runner },
        options,
        name,
      ),
    )
    return new ClassifierModel({
      ...identity,
      classes,
      images,
      expression,
      components: manifest.components ?? [],
      stochastic: read.graph.nodes.some(isRandom),
      runner,
      session: options,
    })
  } catch (error) {
    await runner.release()
    throw error
  }
}

/** A file about to be read as an expression. */
interface Reading {
  readonly graph: OnnxGraph
  readonly file: FileDescription
  readonly prepared: Value
  readonly name: string
}

/** The file's logits as an expression that was found to agree with the file; or why there is none. */
async function readExpression(
  reading: Reading,
  manifest: ModelManifest,
  compare: (found: ClassifierExpression) => Promise<void>,
): Promise<ClassifierExpression | GraphError> {
  try {
    const graph = await foldUnknownConstants(reading.graph)
    const expression = importClassifier({ ...reading, graph }, manifest)
    await compare(expression)
    return expression
  } catch (error) {
    if (!(error instanceof GraphError || error instanceof RunError)) throw error
    if (error.code === 'ROBENCH_NO_GRADIENT' && error instanceof GraphError) return error
    return noGradient(`${error.message}, so robench cannot differentiate this model`, error)
  }
}

/** What the file says of its input and output. */
export interface FileDescription {
  readonly input: string
  readonly output: string
  readonly inputShape: readonly [number, number, number]
  /** The shape that the file itself takes, after normalization and layout; its first size is the batch. */
  readonly fileShape: readonly Dim[]
  /** The batch that the file is fixed to, if it is. */
  readonly fixedBatch?: number
}

function describeFile(
  graph: OnnxGraph,
  manifest: ModelManifest,
  options: LoadModelOptions,
  name: string,
): FileDescription {
  const [input, ...others] = graph.inputs
  if (!input || others.length > 0) {
    throw invalid(
      name,
      `expected one input, got ${graph.inputs.length} (${graph.inputs.map((info) => info.name).join(', ')})`,
    )
  }
  const output = manifest.output ?? graph.outputs[0]?.name
  if (!output || !graph.outputs.some((info) => info.name === output)) {
    throw invalid(
      name,
      `output "${output}" does not exist; it has ${graph.outputs.map((info) => info.name).join(', ')}`,
    )
  }
  if (input.dtype !== 'float32') throw invalid(name, `expected a float32 input, got ${input.dtype}`)
  const inputShape = imageShape(input, manifest, options, name)
  const [c, h, w] = inputShape
  const [batch] = input.shape ?? []
  const images =
    input.shape?.length === 2 ? [c * h * w] : manifest.layout === 'NHWC' ? [h, w, c] : [c, h, w]
  return {
    input: input.name,
    output,
    inputShape,
    fileShape: ['n', ...images],
    ...(typeof batch === 'number' && { fixedBatch: batch }),
  }
}

function imageShape(
  input: OnnxValueInfo,
  manifest: ModelManifest,
  options: LoadModelOptions,
  name: string,
): [number, number, number] {
  const given = options.inputShape
  const shown = input.shape?.map((dim) => dim ?? '?') ?? []
  if (input.shape?.length === 2) {
    if (given && typeof input.shape[1] === 'number' && sizeOf(given) !== input.shape[1]) {
      throw invalid(
        name,
        `it takes ${formatShape(shown)}, which is not an image of ${formatShape(given)} flattened`,
      )
    }
    if (!given)
      throw invalid(name, `it takes flattened images ${formatShape(shown)}; say their shape`)
    return [...given]
  }
  if (input.shape?.length !== 4) {
    throw invalid(
      name,
      `expected an input of 4 axes (${manifest.layout}), got ${formatShape(shown)}`,
    )
  }
  const [, a, b, c] = input.shape
  const own = manifest.layout === 'NHWC' ? [c, a, b] : [a, b, c]
  const shape = own.map((dim, i) => (typeof dim === 'number' ? dim : given?.[i]))
  if (shape.some((dim) => dim === undefined))
    throw invalid(name, `its input ${formatShape(shown)} leaves sizes open; say the images' shape`)
  if (given && given.some((dim, i) => dim !== shape[i])) {
    const hint =
      given[0] === own[2] || given[0] === own[1]
        ? '; is the layout right (--layout NCHW or NHWC)?'
        : ''
    throw invalid(
      name,
      `it takes images of ${formatShape(shape as number[])} (channels, height, width), but the data has ${formatShape(given)}${hint}`,
    )
  }
  return shape as [number, number, number]
}

/** Images `[n, c, h, w]` as the file wants them. */
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
  { graph, file, prepared, name }: Reading,
  manifest: ModelManifest,
): ClassifierExpression {
  const imported = importGraph(graph, {
    name,
    inputShapes: { [file.input]: file.fileShape },
    ...(file.fixedBatch !== undefined && { fixedBatch: file.fixedBatch }),
  })
  const placeholder = imported.inputs[0]!
  const placed = placeComponents(manifest.components ?? [], imported.values, name)
  // The ends of the components go along as results, which nothing folds away.
  const roots = [
    imported.outputs[file.output]!,
    ...placed.flatMap(({ input, output }) => [input, output]),
  ]
  const whole = substitute(roots, new Map([[placeholder, prepared]]))
  const [folded, ...ends] = foldScales(foldBatchNormalization(whole))
  const logits = folded!.shape.length > 2 ? g.op('Flatten', [folded!])[0]! : folded!
  if (logits.shape.length !== 2 || typeof logits.shape[1] !== 'number' || logits.shape[0] !== 'n') {
    throw noGradient(
      `${name}: with its batch made symbolic its output is ${formatShape(folded!.shape)}, expected logits [n, classes]; export it with a dynamic batch`,
    )
  }
  const components = placed.map((component, i) => ({
    ...component,
    input: ends[2 * i]!,
    output: ends[2 * i + 1]!,
  }))
  checkComponents(logits, components, name)
  return { logits, components, noise: imported.noise }
}

function checkClasses(classes: Dim | undefined, manifest: ModelManifest, name: string): void {
  if (typeof classes !== 'number' || classes < 2)
    throw invalid(name, `expected logits of at least 2 classes, got ${classes ?? 'none'}`)
  const names = manifest.classNames?.length
  if (names !== undefined && names !== classes) {
    throw invalid(name, `it gives ${classes} logits, but there are ${names} class names`)
  }
}

function invalid(name: string, message: string): GraphError {
  return new GraphError('ROBENCH_MODEL_FILE', `${name}: ${message}`)
}
