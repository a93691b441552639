/** Runs graphs in onnxruntime, or in TensorFlow.js. */
import { ort } from './onnxruntime.ts'
import { GraphError, RunError } from '../../base/errors.ts'
import type { DType, Tensor, TensorData } from '../tensor/tensor.ts'
import { b } from './blocked-operators.ts'
import { hasInputKernels, keptOperators, useBlockedKernels } from './blocked-kernels.ts'
import { blockOfLayout } from './blocked-layout.ts'
import { foldMovements } from './fold-movements.ts'
import { foldIntoProducts } from './products.ts'
import { computeInHalf } from './half-precision.ts'
import { lower, lowerLogSoftmax } from './rewrite.ts'
import { toOnnx } from './serialize.ts'
import { executionProvider, tfjsDevice } from './session-device.ts'
import { TfjsGraph } from './tfjs/tfjs-graph.ts'
import { topologicalOrder, type Value } from './value.ts'
import { useWinograd } from './winograd.ts'

/**
 * onnxruntime's optimizer takes time quadratic in the length of a chain of nodes: 35 s for a
 * gradient of 4,000 ReLUs. Larger graphs run as they are.
 */
const optimizedNodes = 10_000

/** The device and threads of a session. */
export interface SessionOptions {
  /**
   * An execution provider of onnxruntime: `cpu` (the default), `cuda`, `cuda:1`, `webgpu`, `dml`,
   * `coreml`, `tensorrt`. `tfjs` compiles expressions for TensorFlow.js instead; files still run
   * in onnxruntime on the CPU.
   */
  readonly device?: string
  /** Threads per operator. Default 1, because the pool uses one worker per core. */
  readonly threads?: number
  /** Whether compiled expressions compute in half precision (`half-precision.ts`). Default false. */
  readonly half?: boolean
}

/** A graph that an engine has loaded. */
interface LoadedGraph {
  readonly inputNames: readonly string[]
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
  release(): Promise<void>
}

/** A graph loaded by onnxruntime, or by TensorFlow.js. `release` frees its native memory. */
export class Session {
  readonly #graph: LoadedGraph
  /** The name of the engine in errors. */
  readonly #engine: string

  private constructor(graph: LoadedGraph, engine = 'onnxruntime') {
    this.#graph = graph
    this.#engine = engine
  }

  /**
   * Loads an ONNX file.
   * @param name its name in errors
   * @param optimized false for onnxruntime to run the nodes as they are
   * @throws GraphError ROBENCH_MODEL_FILE if onnxruntime rejects it
   */
  static async load(
    bytes: Uint8Array,
    options: SessionOptions = {},
    name = 'graph',
    optimized = true,
  ): Promise<Session> {
    const device = options.device === tfjsDevice ? 'cpu' : (options.device ?? 'cpu')
    const config: ort.InferenceSession.SessionOptions = {
      executionProviders: [executionProvider(device)],
      intraOpNumThreads: options.threads ?? 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: optimized ? 'all' : 'disabled',
      // Suppresses warnings about unused initializers. Errors are thrown anyway.
      logSeverityLevel: 4,
    }
    try {
      return new Session(onnxruntimeGraph(await ort.InferenceSession.create(bytes, config)))
    } catch (cause) {
      throw new GraphError(
        'ROBENCH_MODEL_FILE',
        `${name}: onnxruntime cannot load it on "${device}": ${messageOf(cause)}`,
        { cause },
      )
    }
  }

  /**
   * Compiles expressions. On CPUs, convolutions whose kernels are inputs use the blocked layout
   * (`blocked-kernels.ts`); on x64, others use minimal filtering (`winograd.ts`).
   */
  static async compile(
    outputs: Readonly<Record<string, Value>>,
    inputs: readonly Value[],
    options: SessionOptions = {},
    name = 'graph',
  ): Promise<Session> {
    if (options.device === tfjsDevice) {
      return new Session(await TfjsGraph.compile(outputs, inputs, name), 'TensorFlow.js')
    }
    const values = Object.values(outputs)
    const finish = await finishFor(values, options)
    const optimized = topologicalOrder(values).length <= optimizedNodes
    return Session.load(toOnnx(outputs, inputs, {}, finish), options, name, optimized)
  }

  /**
   * Runs the graph. Feeds and outputs are by name.
   * @throws GraphError ROBENCH_GRAPH for a missing input; RunError ROBENCH_GRAPH if the engine
   *   fails
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    name = 'graph',
  ): Promise<Record<string, Tensor>> {
    for (const key of this.#graph.inputNames) {
      if (!feeds[key]) throw new GraphError('ROBENCH_GRAPH', `${name}: input "${key}" is missing`)
    }
    try {
      return await this.#graph.run(feeds)
    } catch (cause) {
      throw new RunError('ROBENCH_GRAPH', `${name}: ${this.#engine} failed: ${messageOf(cause)}`, {
        cause,
      })
    }
  }

  /** Frees the native session. */
  async release(): Promise<void> {
    await this.#graph.release()
  }
}

/**
 * Lowers values for a session on that device. Only for sessions, not for exported files, and only
 * where onnxruntime has its blocked kernels.
 */
export async function finishFor(
  values: readonly Value[],
  { device = 'cpu', half = false }: SessionOptions,
): Promise<(values: readonly Value[]) => readonly Value[]> {
  if (half || device !== 'cpu') {
    const isWebGpu = device.startsWith('webgpu')
    return (own) => {
      const lowered = foldMovements(isWebGpu ? lowerLogSoftmax(lower(own)) : lower(own))
      return half ? computeInHalf(lowered) : lowered
    }
  }
  const block = hasInputKernels(topologicalOrder(values)) ? await blockOfLayout() : 0
  return (own) => {
    const lowered = foldIntoProducts(lower(own, block > 0 ? keptOperators : []))
    const filtered = process.arch === 'x64' ? useWinograd(lowered) : lowered
    return block > 0
      ? foldMovements(useBlockedKernels(filtered, block), b)
      : foldMovements(filtered)
  }
}

function onnxruntimeGraph(session: ort.InferenceSession): LoadedGraph {
  return {
    inputNames: session.inputNames,
    async run(feeds) {
      const tensors: Record<string, ort.Tensor> = {}
      for (const key of session.inputNames) {
        tensors[key] = ortTensor(feeds[key]!)
      }
      const outputs = await session.run(tensors)
      return Object.fromEntries(
        Object.entries(outputs).map(([key, value]) => [key, fromOrt(value)]),
      )
    },
    release: () => session.release(),
  }
}

/** A tensor for onnxruntime, which shares the data. */
export function ortTensor({ dtype, data, shape }: Tensor): ort.Tensor {
  return new ort.Tensor(dtype, data as never, shape)
}

function fromOrt(value: ort.Tensor): Tensor {
  return { dtype: value.type as DType, shape: value.dims, data: value.data as TensorData }
}

/** Without the place in the source of onnxruntime where an error was thrown. */
function messageOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message.trim() : String(cause)
  return message.replace(sourcePlace, '')
}

/** `/onnxruntime_src/…/model.cc:202 onnxruntime::Model::Model(…)` */
const sourcePlace = /\S*onnxruntime_src\S+:\d+ [^)]*\) (\[[^\]]*\] )?/
