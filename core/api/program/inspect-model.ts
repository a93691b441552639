/** Describes an ONNX file: its operators, the cost of its passes, and whether it has a gradient. */
import { sizeOf } from '../../engine/tensor/tensor.ts'
import { RobenchError } from '../../base/errors.ts'
import { hashBytes } from '../../base/hash.ts'
import { workerBytes } from '../../bench/forecast/memory.ts'
import { operators } from '../../engine/graph/ops/index.ts'
import { readOnnx, type OnnxGraph, type OnnxValueInfo } from '../../engine/onnx/file.ts'
import type { ClassifierModel } from '../../model/classifier.ts'
import { findNormalization, type InputNormalization } from '../../model/input-normalization.ts'
import { loadModel, type LoadModelOptions } from '../../model/load.ts'
import { crossEntropy } from '../../model/losses.ts'
import { plainManifest, type ModelManifest } from '../../model/manifest.ts'
import { multiplyAdds } from '../../model/multiply-adds.ts'
import { lastOperator, lastOperators } from '../../model/output-head.ts'
import { countParameters, weightBytes } from '../../model/weights.ts'
import { probeGradient } from './probe-gradient.ts'

/**
 * The derivative of an operator: `exact`, `zero` (almost everywhere; attacks can use a
 * straight-through estimate if there is one), or `none`.
 */
export type OperatorDerivative = 'exact' | 'zero' | 'straight-through' | 'none'

/** An operator of a file. */
export interface OperatorCount {
  /** With its domain, unless that is the standard one. */
  readonly operator: string
  readonly count: number
  readonly derivative: OperatorDerivative
}

/** How robench reads a file. */
export interface ModelReading {
  readonly input: string
  readonly output: string
  /** `[channels, height, width]` */
  readonly inputShape: readonly number[]
  readonly classes: number
  readonly bounds: readonly [low: number, high: number]
  /** Whether two passes can differ. */
  readonly stochastic: boolean
  readonly remarks: readonly string[]
}

/** A description of an ONNX file. */
export interface ModelInspection {
  readonly sha256: string
  readonly bytes: number
  readonly opset: number
  readonly domains: readonly string[]
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
  /** The most frequent first; in place of an `If` or a `Loop`, what it executes. */
  readonly operators: readonly OperatorCount[]
  /** Number of elements of the floating-point initializers. */
  readonly parameters: number
  /** Undefined if robench cannot evaluate the file; `gradient.reason` says why. */
  readonly reading?: ModelReading
  /**
   * Multiplications with an addition of one example, in convolutions and matrix products: of a
   * forward pass, and of a pass with the gradient of the input. Undefined without a gradient.
   */
  readonly multiplyAdds?: { readonly forward: number; readonly withGradient: number }
  /** Estimates for a worker process that attacks the model. Empty without a gradient. */
  readonly memory: readonly { readonly batch: number; readonly bytes: number }[]
  /** `zeroShare`: the fraction of components that are 0 for one random image. */
  readonly gradient:
    | { readonly available: true; readonly zeroShare: number }
    | { readonly available: false; readonly reason: string }
  readonly normalization: InputNormalization
  /** The last operators, and what their output is. */
  readonly head: { readonly operators: readonly string[]; readonly output: HeadOutput }
}

/** What the last operator of a file computes. */
export type HeadOutput = 'logits' | 'probabilities' | 'log-probabilities'

/** Batches that the memory is estimated for. */
const batches = [1, 64] as const

const headOutputs: Readonly<Record<string, HeadOutput>> = {
  Softmax: 'probabilities',
  Sigmoid: 'probabilities',
  LogSoftmax: 'log-probabilities',
}

/**
 * Describes an ONNX file, also one that robench cannot evaluate or differentiate. One forward and
 * one backward pass.
 * @param manifest default: inputs in [0, 1], NCHW
 * @throws GraphError ROBENCH_MODEL_FILE if it is not an ONNX file; RobenchError ROBENCH_CONFIG for a
 * normalization of another number of channels
 */
export async function inspectModel(
  bytes: Uint8Array,
  manifest: ModelManifest = plainManifest,
  options: LoadModelOptions = {},
): Promise<ModelInspection> {
  const graph = readOnnx(bytes, options.name ?? 'model')
  const output = manifest.output ?? graph.outputs[0]?.name
  const facts = {
    sha256: hashBytes(bytes),
    bytes: bytes.length,
    opset: graph.opset,
    domains: graph.domains,
    inputs: graph.inputs,
    outputs: graph.outputs,
    operators: countOperators(graph),
    parameters: countParameters(graph),
    normalization: findNormalization(graph),
  }
  try {
    const model = await loadModel(bytes, manifest, options)
    try {
      const executed = withInlined(graph, model)
      const head = headOf(executed, model.file.output)
      const passes = await inspectPasses(model, weightBytes(graph), options.name ?? 'model')
      const operators = countOperators(executed)
      return { ...facts, operators, reading: readingOf(model), ...passes, head }
    } finally {
      await model.dispose()
    }
  } catch (error) {
    // A wrong manifest says nothing about the file.
    if (error instanceof RobenchError && error.message.startsWith('manifest: ')) throw error
    return { ...facts, memory: [], gradient: unavailable(error), head: headOf(graph, output) }
  }
}

async function inspectPasses(
  model: ClassifierModel,
  weightBytes: number,
  name: string,
): Promise<Pick<ModelInspection, 'multiplyAdds' | 'memory' | 'gradient'>> {
  const { expression, activationBytes, rowsPerPart, inputShape } = model
  const inputBytes = 4 * sizeOf(inputShape)
  if (expression instanceof RobenchError) return { memory: [], gradient: unavailable(expression) }
  try {
    const { outputs } = model.gradientExpression(crossEntropy)
    const result = await probeGradient(model, crossEntropy, name)
    const zeros = result.data.reduce((count, value) => count + (value === 0 ? 1 : 0), 0)
    return {
      multiplyAdds: {
        forward: multiplyAdds([expression.logits]),
        withGradient: multiplyAdds(Object.values(outputs)),
      },
      memory: batches.map((batch) => ({
        batch,
        bytes: workerBytes({ activationBytes, inputBytes, rowsPerPart, weightBytes }, batch),
      })),
      gradient: { available: true, zeroShare: zeros / result.data.length },
    }
  } catch (error) {
    return { memory: [], gradient: unavailable(error) }
  }
}

function unavailable(error: unknown): ModelInspection['gradient'] {
  if (!(error instanceof RobenchError)) throw error
  return { available: false, reason: error.message }
}

function readingOf(model: ClassifierModel): ModelReading {
  const { file, inputShape, classes, bounds, stochastic, remarks } = model
  const { input, output } = file
  return { input, output, inputShape, classes, bounds, stochastic, remarks }
}

/** The graph with the nodes that an `If` or a `Loop` executes in its place. */
function withInlined(graph: OnnxGraph, { expression }: ClassifierModel): OnnxGraph {
  const inlined = expression instanceof RobenchError ? [] : expression.inlined
  if (inlined.length === 0) return graph
  const replaced = new Set(inlined.flatMap(({ outputs }) => outputs))
  const others = graph.nodes.filter(({ outputs }) => !outputs.some((name) => replaced.has(name)))
  return { ...graph, nodes: [...others, ...inlined] }
}

function countOperators({ nodes }: OnnxGraph): OperatorCount[] {
  const counts = new Map<string, number>()
  for (const { op, domain } of nodes) {
    const name = domain === '' ? op : `${domain}.${op}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return Array.from(counts, ([operator, count]) => ({
    operator,
    count,
    derivative: derivativeOf(operator),
  })).toSorted((a, b) => b.count - a.count || (a.operator < b.operator ? -1 : 1))
}

function derivativeOf(operator: string): OperatorDerivative {
  const record = operators.get(operator)
  if (record?.surrogate) return 'straight-through'
  if (operator === 'Constant' || record?.vjp === 'zero') return 'zero'
  return record?.vjp || record?.body ? 'exact' : 'none'
}

function headOf(graph: OnnxGraph, output: string | undefined): ModelInspection['head'] {
  const last = lastOperator(graph, output)
  return { operators: lastOperators(graph, output), output: headOutputs[last ?? ''] ?? 'logits' }
}
