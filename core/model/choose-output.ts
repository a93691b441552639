/** Which tensor of a file holds the logits. */
import { nameAxes } from '../engine/onnx/name-axes.ts'
import { didYouMean } from '../base/errors.ts'
import { formatShape } from '../engine/graph/dim.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import { withOutput, type OnnxGraph, type OnnxValueInfo } from '../engine/onnx/file.ts'
import { newData } from '../engine/onnx/tensor-data.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import { invalidFile, type FileDescription } from './file-description.ts'

/** A file with the output that holds the logits. */
export interface ChosenOutput {
  readonly output: string
  /** The file; if `output` was an inner tensor, with that tensor as its only output. */
  readonly bytes: Uint8Array
  readonly graph: OnnxGraph
  /** What the user should know, if the choice was not obvious. */
  readonly remark?: string
}

/** What is known about the choice. */
export interface OutputRequest extends SessionOptions {
  /** The output that the manifest names, or an inner tensor. */
  readonly wanted: string | undefined
  /** The number of classes of the data, if known. */
  readonly classes: number | undefined
  /** The model's name in errors. */
  readonly name: string
}

/**
 * Chooses the output: the one that is named, or the only one, or the only one that has as many
 * columns as the data has classes.
 * @param file its input; the output is not read
 * @throws GraphError ROBENCH_MODEL_FILE that lists the outputs
 */
export async function chooseOutput(
  bytes: Uint8Array,
  graph: OnnxGraph,
  file: Omit<FileDescription, 'output'>,
  { wanted, classes, name, ...session }: OutputRequest,
): Promise<ChosenOutput> {
  if (wanted !== undefined) {
    return beforeSigmoid(nameOutput(bytes, graph, wanted, name), file, session, name)
  }
  const sequence = graph.outputs.find(({ kind }) => kind !== undefined)
  const inZipMap = graph.outputs.flatMap((output) => zipMapInput(graph, output) ?? [])
  if (inZipMap[0] !== undefined) {
    const remark = `the probabilities "${inZipMap[0]}", which the file turns into maps, are taken as the logits`
    return { ...nameOutput(bytes, graph, inZipMap[0], name), remark }
  }
  const tensors = graph.outputs.filter(({ kind }) => kind === undefined)
  const [first, ...others] = tensors
  if (!first && sequence) {
    throw invalidFile(
      name,
      `output "${sequence.name}" is a ${sequence.kind}, expected a tensor of logits; convert ` +
        "the model again with options={'zipmap': False} (skl2onnx), or name a tensor (--output NAME)",
    )
  }
  if (!first) throw invalidFile(name, 'it has no output')
  if (others.length === 0 && !sequence) {
    return beforeSigmoid({ output: first.name, bytes, graph }, file, session, name)
  }
  const outputs = await withShapes(bytes, { ...graph, outputs: tensors }, file, session, name)
  const exact = outputs.filter((output) => isLogits(output, classes))
  const single = (classes ?? 2) === 2 ? outputs.filter(isOneLogit) : []
  const fitting = exact.length > 0 ? exact : single
  const [only] = fitting
  const list = outputs.map(describeOutput).join(', ')
  if (fitting.length !== 1 || !only) {
    const those = fitting.length === 0 ? 'none of them has' : `${fitting.length} of them have`
    const what = classes === undefined ? 'a shape of logits' : `the ${classes} classes of the data`
    throw invalidFile(
      name,
      `the file has ${outputs.length} outputs, and ${those} ${what}: ${list}; ` +
        'name the one with the logits (--output NAME, or the option "output")',
    )
  }
  const shape = classes === undefined ? 'of that shape' : `with ${classes} classes`
  const remark =
    `of its ${outputs.length} outputs (${list}), "${only.name}" is taken as the logits, ` +
    `the only one ${shape}; --output names another`
  const chosen = await beforeSigmoid({ output: only.name, bytes, graph }, file, session, name)
  return { ...chosen, remark: chosen.remark ? `${remark}; ${chosen.remark}` : remark }
}

/**
 * A single output of a sigmoid is a probability. Its logit is the input of the sigmoid, which does
 * not saturate.
 */
async function beforeSigmoid(
  chosen: ChosenOutput,
  file: Omit<FileDescription, 'output'>,
  session: SessionOptions,
  name: string,
): Promise<ChosenOutput> {
  const { bytes, graph, output } = chosen
  const producer = graph.nodes.find(({ outputs }) => outputs.includes(output))
  const [logit] = producer?.inputs ?? []
  if (producer?.op !== 'Sigmoid' || producer.domain !== '' || !logit) return chosen
  const own = graph.outputs.filter((info) => info.name === output)
  const [found] = await withShapes(bytes, { ...graph, outputs: own }, file, session, name)
  if (!found || !isOneLogit(found)) return chosen
  const remark = `"${output}" is the sigmoid of one logit, so its input "${logit}" is used`
  return { ...nameOutput(bytes, graph, logit, name), remark }
}

/** The tensor that a ZipMap of scikit-learn's converter turns into maps. */
function zipMapInput(graph: OnnxGraph, { name, kind }: OnnxValueInfo): string | undefined {
  if (kind === undefined) return undefined
  const producer = graph.nodes.find(({ outputs }) => outputs.includes(name))
  return producer?.op === 'ZipMap' ? producer.inputs[0] : undefined
}

/** Whether an output is one number per example. */
function isOneLogit({ dtype, shape }: OnnxValueInfo): boolean {
  if (!isFloating(dtype) || !shape || shape.length === 0) return false
  return shape.slice(1).every((size) => size === 1)
}

function isFloating(dtype: OnnxValueInfo['dtype']): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16'
}

function nameOutput(
  bytes: Uint8Array,
  graph: OnnxGraph,
  wanted: string,
  name: string,
): ChosenOutput {
  if (graph.outputs.some((info) => info.name === wanted)) return { output: wanted, bytes, graph }
  const inner = graph.nodes.flatMap(({ outputs }) => outputs).filter((tensor) => tensor !== '')
  if (!inner.includes(wanted)) {
    const names = graph.outputs.map((info) => info.name).join(', ')
    throw invalidFile(
      name,
      `output "${wanted}" does not exist; outputs: ${names}${didYouMean(wanted, inner)}; ` +
        'inner tensors can be named, too',
    )
  }
  return {
    output: wanted,
    bytes: withOutput(bytes, wanted, name),
    graph: { ...graph, outputs: [{ name: wanted, dtype: null, shape: null }] },
  }
}

/** The outputs with the shapes that the file states, or else those of a run on zeros. */
async function withShapes(
  bytes: Uint8Array,
  graph: OnnxGraph,
  { input, inputType, fileShape, fixedBatch = 1 }: Omit<FileDescription, 'output'>,
  options: SessionOptions,
  name: string,
): Promise<readonly OnnxValueInfo[]> {
  const isStated = ({ shape }: OnnxValueInfo): boolean =>
    shape !== null && shape.slice(1).every((size) => typeof size === 'number')
  if (graph.outputs.every(isStated)) return graph.outputs
  const shape = fileShape.map((size) => (typeof size === 'number' ? size : fixedBatch))
  const session = await Session.load(nameAxes(bytes, graph), options, name)
  try {
    const zeros = tensor(inputType, shape, newData(inputType, sizeOf(shape)))
    const found = await session.run({ [input]: zeros }, name)
    return graph.outputs.map((output) => {
      const { dtype, shape } = found[output.name]!
      return { ...output, dtype, shape: shape[0] === fixedBatch ? ['n', ...shape.slice(1)] : shape }
    })
  } finally {
    await session.release()
  }
}

/** Whether an output can be logits: floating-point, `[n, classes]`, possibly with axes of size 1. */
function isLogits({ dtype, shape }: OnnxValueInfo, classes: number | undefined): boolean {
  const [, columns, ...rest] = shape ?? []
  const fits = classes === undefined ? Number(columns) >= 2 : columns === classes
  return isFloating(dtype) && fits && rest.every((size) => size === 1)
}

function describeOutput({ name, dtype, shape }: OnnxValueInfo): string {
  return `"${name}" ${dtype} ${formatShape((shape ?? []).map((size) => size ?? '?'))}`
}
