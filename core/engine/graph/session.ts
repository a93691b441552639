/** Runs graphs in onnxruntime. */
import { ort } from './onnxruntime.ts'
import { GraphError, RunError } from '../../base/errors.ts'
import type { DType, Tensor, TensorData } from '../tensor/tensor.ts'
import { hasInputKernels, keptOperators, useBlockedKernels } from './blocked-kernels.ts'
import { blockOfLayout } from './blocked-layout.ts'
import { lower } from './rewrite.ts'
import { toOnnx } from './serialize.ts'
import { topologicalOrder, type Value } from './value.ts'
import { useWinograd } from './winograd.ts'

/** The device and threads of a session. */
export interface SessionOptions {
  /**
   * An execution provider of onnxruntime: `cpu` (the default), `cuda`, `cuda:1`, `webgpu`, `dml`,
   * `coreml`, `tensorrt`.
   */
  readonly device?: string
  /** Threads per operator. Default 1, because the pool uses one worker per core. */
  readonly threads?: number
}

/** A graph loaded by onnxruntime. `release` frees its native memory. */
export class Session {
  readonly #session: ort.InferenceSession

  private constructor(session: ort.InferenceSession) {
    this.#session = session
  }

  /**
   * Loads an ONNX file.
   * @param name its name in errors
   * @throws GraphError ROBENCH_MODEL_FILE if onnxruntime rejects it
   */
  static async load(
    bytes: Uint8Array,
    options: SessionOptions = {},
    name = 'graph',
  ): Promise<Session> {
    const [provider, id] = (options.device ?? 'cpu').split(':')
    const device = id === undefined ? provider! : { name: provider!, deviceId: Number(id) }
    const config: ort.InferenceSession.SessionOptions = {
      executionProviders: [device],
      intraOpNumThreads: options.threads ?? 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Suppresses warnings about unused initializers. Errors are thrown anyway.
      logSeverityLevel: 4,
    }
    try {
      return new Session(await ort.InferenceSession.create(bytes, config))
    } catch (cause) {
      throw new GraphError(
        'ROBENCH_MODEL_FILE',
        `${name}: onnxruntime cannot load it on "${options.device ?? 'cpu'}": ${messageOf(cause)}`,
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
    const finish = await finishFor(Object.values(outputs), options)
    return Session.load(toOnnx(outputs, inputs, {}, finish), options, name)
  }

  /**
   * Runs the graph. Feeds and outputs are by name.
   * @throws GraphError ROBENCH_GRAPH for a missing input; RunError ROBENCH_GRAPH if onnxruntime
   *   fails
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    name = 'graph',
  ): Promise<Record<string, Tensor>> {
    const tensors: Record<string, ort.Tensor> = {}
    for (const key of this.#session.inputNames) {
      const feed = feeds[key]
      if (!feed) throw new GraphError('ROBENCH_GRAPH', `${name}: input "${key}" is missing`)
      tensors[key] = new ort.Tensor(feed.dtype, feed.data as never, feed.shape)
    }
    try {
      const outputs = await this.#session.run(tensors)
      return Object.fromEntries(
        Object.entries(outputs).map(([key, value]) => [key, fromOrt(value)]),
      )
    } catch (cause) {
      throw new RunError('ROBENCH_GRAPH', `${name}: onnxruntime failed: ${messageOf(cause)}`, {
        cause,
      })
    }
  }

  /** Frees the native session. */
  async release(): Promise<void> {
    await this.#session.release()
  }
}

/**
 * Lowers values for a session on that device. Only for sessions, not for exported files, and only
 * where onnxruntime has its blocked kernels.
 */
export async function finishFor(
  values: readonly Value[],
  { device = 'cpu' }: SessionOptions,
): Promise<(values: readonly Value[]) => readonly Value[]> {
  if (device !== 'cpu') return (own) => lower(own)
  const block = hasInputKernels(topologicalOrder(values)) ? await blockOfLayout() : 0
  return (own) => {
    const lowered = lower(own, block > 0 ? keptOperators : [])
    const filtered = process.arch === 'x64' ? useWinograd(lowered) : lowered
    return block > 0 ? useBlockedKernels(filtered, block) : filtered
  }
}

function fromOrt(value: ort.Tensor): Tensor {
  return { dtype: value.type as DType, shape: value.dims, data: value.data as TensorData }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.trim() : String(cause)
}
